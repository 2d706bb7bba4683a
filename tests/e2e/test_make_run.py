"""``make run``, as a new reader meets it: three dates through Airflow, lists; interrupted: goes on; again: nothing."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from include import services
from include.airflow_api import AirflowApi
from include.demo import DAG, DATES
from include.settings import PROJECT_DIR, Settings
from include.warehouse import embedded
from include.warehouse.connection import connect

pytestmark = [pytest.mark.e2e]


class Installation:
    """A home of its own, in a directory with spaces, driven by the command that the Makefile calls."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        self.environment = os.environ | {"POSTLOAN_HOME": str(home), "PYTHONUNBUFFERED": "1"}

    def start(self, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "include.cli", *arguments]
        return subprocess.Popen(
            command, cwd=PROJECT_DIR, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=800)
        assert process.returncode == 0, said
        return said

    def state(self) -> dict[str, object]:
        """Everything that a run may leave behind: rows, pointers, Airflow's runs, files."""
        with connect(self.settings, role="postloan_owner") as connection:
            tables = connection.execute(
                "select schemaname, tablename from pg_tables "
                "where schemaname in ('raw', 'published', 'ops', 'quarantine')"
            ).fetchall()
            rows = {
                f"{schema}.{table}": connection.execute(f'select count(*) from {schema}."{table}"').fetchone()[0]
                for schema, table in sorted(tables)
            }
            pointers = connection.execute("select * from ops.publication order by 1, 2").fetchall()
        with AirflowApi(self.settings) as airflow:
            runs = [(run.dag_id, run.run_id, run.state, run.partition_key) for run in airflow.runs()]
        files = {
            str(path): (path.stat().st_mtime_ns, path.stat().st_size)
            for folder in (self.settings.landing, self.settings.exports)
            for path in sorted(folder.rglob("*"))
        }
        pids = [(component.name, component.pid) for component in services.components(self.settings)]
        return {"rows": rows, "pointers": pointers, "runs": runs, "files": files, "pids": pids}


@pytest.fixture(scope="module")
def interrupted_and_finished() -> Iterator[tuple[Installation, str]]:
    """The first call is killed while Airflow is at the first date; the second finishes. What the second said."""
    place = Path(tempfile.mkdtemp(prefix="postloan make run "))
    place.chmod(0o711)
    installation = Installation(place / "home")
    try:
        first = installation.start("demo")
        for line in first.stdout:
            if re.search(r"land\[0\] +success", line):
                break
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        yield installation, installation.run("demo")
    finally:
        services.down(installation.settings)
        embedded.stop(installation.settings)
        shutil.rmtree(place, ignore_errors=True)


def test_every_date_was_run_once_by_airflow_although_the_first_call_was_killed(interrupted_and_finished):
    installation, _ = interrupted_and_finished
    with AirflowApi(installation.settings) as airflow:
        runs = [(run.partition_key, run.state) for run in airflow.runs(DAG)]
    assert sorted(runs) == [(str(day), "success") for day in DATES]


def test_progress_lists_and_the_way_in_are_shown(interrupted_and_finished):
    installation, said = interrupted_and_finished
    for day in DATES:
        assert re.search(rf"\d+\.\d s  {day}    deliver +success in \d", said)
    assert f"Warning list, {DATES[-1]}, EARLY: " in said
    assert f"Cleared warnings, {DATES[-1]}: " in said
    assert f"Portfolio, {DATES[-1]}" in said
    user, password = services.login(installation.settings)
    assert f"{services.address(installation.settings)}/dags/{DAG}  log in as {user} with password {password}" in said
    (files,) = re.findall(r"^Files: (.+)$", said, re.MULTILINE)
    assert (Path(files) / "warning_list.csv").is_file()
    (report,) = re.findall(r"^Report: file://(.+)$", said, re.MULTILINE)
    assert Path(unquote(report)) == Path(files) / "report.html"
    assert Path(unquote(report)).is_file()


def test_a_second_call_changes_nothing_and_says_so(interrupted_and_finished):
    installation, _ = interrupted_and_finished
    before = installation.state()
    started = time.monotonic()
    said = installation.run("demo")
    assert time.monotonic() - started < 60, "generous: 2 s on an idle machine"
    assert "published already: nothing was changed" in said
    assert f"Warning list, {DATES[-1]}, EARLY: " in said
    assert installation.state() == before


def test_down_stops_everything_and_the_next_call_finds_it_all_again(interrupted_and_finished):
    installation, _ = interrupted_and_finished
    before = installation.state()
    said = installation.run("down")
    assert "PostgreSQL" in said
    assert "api-server" in said
    assert not embedded.is_running(installation.settings)
    assert [component.pid for component in services.components(installation.settings)] == [None] * 4
    said = installation.run("demo")
    assert "nothing else was changed" in said
    after = installation.state()
    assert after | {"pids": None} == before | {"pids": None}


def test_the_password_of_the_web_interface_is_the_only_secret_that_is_shown(interrupted_and_finished):
    installation, said = interrupted_and_finished
    server = embedded.read(installation.settings)
    for secret in (server.postgres_password, server.postloan_password, server.airflow_password):
        assert secret not in said
        for log in (installation.settings.home / "logs").glob("*.log"):
            assert secret not in log.read_text(errors="replace"), log.name
