"""Airflow's four components as plain processes of this machine: started, watched and ended by us.

``airflow standalone`` leaves its children behind when it is terminated; here each component is a session of its own,
known by pid and start time, and ``down`` ends exactly those. Nothing listens beyond loopback: the components share
one disk, so Airflow's log servers, which would listen on every interface, are not needed.
This module never imports Airflow.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

from include.airflow_config import (
    address,
    airflow_home,
    choose_port,
    ensure_secrets,
    environment,
    login,
    metadata_url,
    read_state,
    update_state,
)
from include.errors import PostloanError
from include.settings import PROJECT_DIR, Settings
from include.warehouse import embedded
from include.warehouse.embedded_files import make_private

__all__ = ["Component", "address", "components", "down", "environment", "health", "login", "run_airflow", "up"]

COMPONENTS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
READY_SECONDS = 180
GRACE_SECONDS = 20  # a triggerer takes up to 15 s to hand back its triggers
KILL_SECONDS = 10
LOG_BYTES = 20_000_000

Report = Callable[[str], None]


@dataclass(frozen=True)
class Component:
    """One of Airflow's processes. ``pid`` is None when it does not run."""

    name: str
    pid: int | None
    log: Path


def up(settings: Settings, report: Report = lambda line: None) -> list[str]:
    """Start what does not run and wait until all is healthy; returns the names started (empty: all ran already).

    Starts the embedded server first where it is used and migrates Airflow's database. Raises PostloanError with the
    end of the log of the component that did not come up.
    """
    if settings.warehouse_url is None or settings.airflow_database_url is None:
        embedded.start(settings)
    ensure_secrets(settings)
    with _exclusive(settings):
        missing = [component.name for component in components(settings) if component.pid is None]
        launched_at = datetime.min.replace(tzinfo=UTC)
        port_moved = "api-server" in missing and choose_port(settings)
        if len(missing) < len(COMPONENTS) and (
            port_moved or read_state(settings).get("launched_with") != _fingerprint(settings)
        ):
            # each component knows the others' address and the databases' from its start
            report("an address or a setting changed: starting Airflow again")
            _end_all(settings)
            missing = list(COMPONENTS)
        if missing:
            _migrate_metadata(settings, report)
            report(f"starting Airflow's {', '.join(missing)}")
            launched_at = datetime.now(UTC)
            for name in missing:
                _end_orphans(settings, name)
                _launch(settings, name)
            update_state(settings, {"launched_with": _fingerprint(settings)})
        _wait_until_healthy(settings, missing, launched_at)
    return missing


def down(settings: Settings) -> list[str]:
    """Terminate every component, then kill what is left after the grace period. Returns the names that were ended."""
    if not airflow_home(settings).exists():
        return []
    with _exclusive(settings):
        return _end_all(settings)


def _end_all(settings: Settings) -> list[str]:
    running = {component.name: component.pid for component in components(settings) if component.pid is not None}
    for pid in running.values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(component.pid for component in components(settings)):
        time.sleep(0.1)
    for name in COMPONENTS:
        _end_orphans(settings, name)
    update_state(settings, {"processes": {}})
    return list(running)


def components(settings: Settings) -> list[Component]:
    """All four, whether they run or not."""
    processes = read_state(settings).get("processes", {})
    found = []
    for name in COMPONENTS:
        known = processes.get(name)
        alive = known is not None and _start_time(known["pid"]) == known["started"]
        found.append(Component(name, known["pid"] if alive else None, _log(settings, name)))
    return found


def health(settings: Settings) -> dict[str, str]:
    """What Airflow says of itself, by part (``metadatabase``, ``scheduler``, ...); empty when nobody answers."""
    return {part: str(facts.get("status")) for part, facts in _health_facts(settings).items()}


def _health_facts(settings: Settings) -> dict[str, dict[str, str | None]]:
    try:
        answer = httpx.get(f"{address(settings)}/api/v2/monitor/health", timeout=5, trust_env=False)
        return dict(answer.raise_for_status().json())
    except (httpx.HTTPError, ValueError):
        return {}


def run_airflow(settings: Settings, *arguments: str, log: Path) -> None:
    """One Airflow command to its end, its output into ``log``. Raises PostloanError with the end of that output."""
    with _appending(log) as file:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            cwd=PROJECT_DIR, env=environment(settings), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            check=False, umask=0o077,
        )  # fmt: skip
    if done.returncode != 0:
        raise PostloanError(f"airflow {' '.join(arguments)} failed; the end of {log}:\n{_tail(log)}")


def _migrate_metadata(settings: Settings, report: Report) -> None:
    """``airflow db migrate``, left out when this version already did it to this database (it takes 4 to 8 s)."""
    import importlib.metadata

    mark = {"version": importlib.metadata.version("apache-airflow-core"), "revision": _revision(settings)}
    if mark["revision"] is not None and read_state(settings).get("metadata") == mark:
        return
    report("preparing Airflow's own database")
    run_airflow(settings, "db", "migrate", log=_log(settings, "migrate"))
    update_state(settings, {"metadata": mark | {"revision": _revision(settings)}})


def _revision(settings: Settings) -> str | None:
    try:
        with psycopg.connect(metadata_url(settings, driver="postgresql"), connect_timeout=10) as connection:
            row = connection.execute("select version_num from alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise PostloanError(
            f"Cannot connect to Airflow's database: {reason}", next_command="postloan doctor"
        ) from error
    return str(row[0]) if row else None


def _launch(settings: Settings, name: str) -> None:
    with _appending(_log(settings, name)) as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", *COMPONENTS[name]],
            cwd=PROJECT_DIR, env=environment(settings), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            start_new_session=True, umask=0o077,
        )  # fmt: skip
    _children.append(process)
    known = read_state(settings)
    processes = known.get("processes", {}) | {name: {"pid": process.pid, "started": _start_time(process.pid)}}
    update_state(settings, {"processes": processes})


def _wait_until_healthy(settings: Settings, launched: list[str], launched_at: datetime) -> None:
    """Until every part says so, and each launched one has shown a sign of life of its own, not its predecessor's."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        for component in components(settings):
            if component.pid is None:
                raise PostloanError(
                    f"Airflow's {component.name} ended by itself; the end of {component.log}:\n{_tail(component.log)}",
                    next_command="postloan up",
                )
        if _is_healthy(_health_facts(settings), launched, launched_at):
            return
        time.sleep(0.3)
    raise PostloanError(
        f"Airflow was not healthy after {READY_SECONDS} s ({health(settings) or 'no answer'}); "
        f"logs: {_log(settings, 'scheduler').parent}",
        next_command="postloan status",
    )


def _is_healthy(facts: dict[str, dict[str, str | None]], launched: list[str], launched_at: datetime) -> bool:
    for part in ("metadatabase", "scheduler", "triggerer", "dag_processor"):
        said = facts.get(part, {})
        if said.get("status") != "healthy":
            return False
        heartbeat = said.get(f"latest_{part}_heartbeat")
        if part.replace("_", "-") in launched and (not heartbeat or datetime.fromisoformat(heartbeat) < launched_at):
            return False
    return True


_children: list[subprocess.Popen[bytes]] = []  # held so that a dead child of this process does not stay a zombie


def _start_time(pid: int) -> int | None:
    """Clock ticks since boot at which the process started; None when it is gone. Tells a pid from its reuse."""
    for child in _children:
        child.poll()
    fields = _stat(pid)
    return None if fields is None or fields[0] == "Z" else int(fields[19])


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on (the command's name before it may contain anything)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _end_orphans(settings: Settings, name: str) -> None:
    """Kill what a component left behind: the members of its session, which no other process can have joined."""
    known = read_state(settings).get("processes", {}).get(name)
    if known is None or _start_time(known["pid"]) not in {None, known["started"]}:
        return  # never started, or the number now belongs to someone else: then no member of the session is left
    deadline = time.monotonic() + KILL_SECONDS
    # again until none is left: one that is being killed may have started another, and dying takes a moment
    while (members := _session_members(known)) and time.monotonic() < deadline:
        for pid in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _session_members(leader: dict[str, int]) -> list[int]:
    """The live processes of the session that a component led."""
    found = []
    for entry in Path("/proc").iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdigit() else None
        is_member = fields is not None and int(fields[3]) == leader["pid"] and int(fields[19]) >= leader["started"]
        if is_member and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def _log(settings: Settings, name: str) -> Path:
    return settings.home.resolve() / "logs" / f"airflow-{name}.log"


@contextlib.contextmanager
def _appending(log: Path) -> Iterator[Any]:
    make_private(log.parent)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.rename(log.with_suffix(".log.1"))
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
        yield file


def _tail(log: Path, lines: int = 12) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _fingerprint(settings: Settings) -> str:
    own = {name: value for name, value in environment(settings).items() if name.startswith(("AIRFLOW", "POSTLOAN_"))}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def _exclusive(settings: Settings) -> Iterator[None]:
    """One starter or stopper at a time; the lock goes with the process that holds it."""
    make_private(airflow_home(settings))
    lock = os.open(airflow_home(settings) / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
