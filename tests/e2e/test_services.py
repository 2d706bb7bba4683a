"""Airflow's components as our processes: started once, ended whole, private, and never beyond loopback."""

import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from include import services
from include.airflow_api import AirflowApi
from include.airflow_config import environment
from include.errors import PostloanError
from include.settings import Settings
from include.warehouse import embedded

pytestmark = [pytest.mark.e2e]
NAMES = ["api-server", "scheduler", "dag-processor", "triggerer"]


@pytest.fixture(scope="module")
def running() -> Iterator[Settings]:
    """All components, in a home with a space in its name."""
    home = Path(tempfile.mkdtemp(prefix="postloan services "))
    home.chmod(0o711)
    settings = Settings(home=home / "home")
    try:
        assert services.up(settings) == NAMES
        yield settings
    finally:
        services.down(settings)
        embedded.stop(settings)
        shutil.rmtree(home, ignore_errors=True)


def pids(settings: Settings) -> dict[str, int | None]:
    return {component.name: component.pid for component in services.components(settings)}


def session(pid: int) -> list[int]:
    """The live processes of the session that ``pid`` leads."""
    found = subprocess.run(["ps", "-o", "pid=,stat=", "-s", str(pid)], capture_output=True, text=True, check=False)
    return [int(line.split()[0]) for line in found.stdout.splitlines() if not line.split()[1].startswith("Z")]


def listening(pid: int) -> set[str]:
    """Local addresses (hexadecimal) on which the session of ``pid`` listens."""
    sockets = {
        path.readlink() for member in session(pid) for path in Path(f"/proc/{member}/fd").iterdir() if path.is_symlink()
    }
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and Path(f"socket:[{fields[9]}]") in sockets:
                found.add(fields[1].split(":")[0])
    return found


def test_a_second_start_starts_nothing(running):
    before = pids(running)
    assert services.up(running) == []
    assert pids(running) == before


def test_nothing_listens_beyond_loopback(running):
    addresses = set().union(*(listening(pid) for pid in pids(running).values()))
    assert addresses == {"0100007F"}, "127.0.0.1 in the notation of /proc/net/tcp"


def test_secrets_and_logs_are_private(running):
    files = [*(running.home / "airflow").glob("*.json"), *(running.home / "logs").glob("*.log")]
    assert len(files) >= 3 + len(NAMES)
    assert [path for path in files if stat.S_IMODE(path.stat().st_mode) != 0o600] == []


def test_a_person_can_log_in_and_nobody_can_without_the_password(running):
    with AirflowApi(running) as airflow:
        assert airflow.runs() == []
    (running.home / "airflow" / "secrets.json").rename(running.home / "airflow" / "kept.json")
    try:
        wrong = environment(running)  # makes new secrets: another password than the running server's
        assert wrong
        with pytest.raises(PostloanError, match="401"), AirflowApi(running):
            pass
    finally:
        (running.home / "airflow" / "kept.json").rename(running.home / "airflow" / "secrets.json")


def test_airflow_keeps_its_tables_in_its_own_database(running):
    server = embedded.read(running)
    with psycopg.connect(server.url("airflow", "airflow")) as connection:
        assert connection.execute("select count(*) from dag_run").fetchone() is not None
    with psycopg.connect(server.url("postgres", "warehouse")) as connection:
        assert connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)


def test_no_process_is_told_the_password_of_the_superuser(running):
    server = embedded.read(running)
    assert server.postgres_password not in str(environment(running))


def test_a_killed_component_comes_back_and_its_children_do_not_stay(running):
    before = pids(running)
    members = session(before["scheduler"])
    os.kill(before["scheduler"], signal.SIGKILL)
    time.sleep(0.5)
    assert services.up(running) == ["scheduler"]
    after = pids(running)
    assert {name for name in NAMES if before[name] != after[name]} == {"scheduler"}
    assert not set(session(before["scheduler"])) & set(members)


def test_down_ends_every_process_and_a_second_down_has_nothing_to_end(running):
    leaders = [pid for pid in pids(running).values() if pid]
    assert services.down(running) == NAMES
    assert [member for pid in leaders for member in session(pid)] == []
    assert services.down(running) == []
    assert services.health(running) == {}


def test_a_process_that_got_an_old_pid_is_not_ended(running):
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        from include.airflow_config import update_state

        update_state(running, {"processes": {"scheduler": {"pid": other.pid, "started": 1}}})
        assert pids(running)["scheduler"] is None
        assert services.down(running) == []
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_component_that_ends_by_itself_is_named_with_its_log(running, monkeypatch):
    monkeypatch.setitem(services.COMPONENTS, "triggerer", ("triggerer", "--no-such-option"))
    with pytest.raises(PostloanError, match=r"triggerer ended by itself; the end of .*airflow-triggerer\.log"):
        services.up(running)
