"""The command line: quick help, plain errors with the next command, and exit codes that scripts can rely on."""

import os
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from include.cli import app
from include.sample_bank.systems import EVERYTHING
from include.settings import PROJECT_DIR, load_settings

VERBS = (
    "up", "down", "status", "doctor", "migrate", "land", "backfill", "restate", "publish", "rollback",
    "deliver", "verify", "diff", "lists", "demo", "run", "sample", "contract", "manifest", "fetch",
    "quarantine", "explain", "contact", "alert", "train", "model", "report",
)  # fmt: skip
NOT_YET = ("export", "bench")


def command(*arguments: str, home: str = "/nonexistent/postloan") -> subprocess.CompletedProcess:
    environment = os.environ | {"POSTLOAN_HOME": home, "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-m", "include.cli", *arguments],
        cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def cli(monkeypatch, tmp_path):
    """The commands in this process, on an installation that was never started."""
    monkeypatch.setenv("POSTLOAN_HOME", str(tmp_path / "home"))
    load_settings.cache_clear()
    before = os.umask(0o022)
    yield lambda *arguments: CliRunner().invoke(app, list(arguments))
    os.umask(before)
    load_settings.cache_clear()


def test_help_names_every_verb_that_works_and_none_that_does_not(cli):
    said = cli("--help").output
    assert [verb for verb in VERBS if f"\n  {verb} " not in said] == []
    assert [verb for verb in NOT_YET if f"\n  {verb} " in said] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(cli, verb):
    result = cli(verb, "--help")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 4


def test_help_comes_at_once():
    loaded = (
        "import sys, include.cli\n"
        "heavy = 'pandas numpy dbt great_expectations sqlalchemy psycopg httpx airflow pydantic'.split()\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", loaded], cwd=PROJECT_DIR, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    started = time.monotonic()
    assert command("--help").returncode == 0
    assert time.monotonic() - started < 3, "generous: 0.2 s on an idle machine"


def test_an_error_is_one_message_and_the_next_command_without_a_traceback():
    done = command("lists", home="/tmp/postloan-was-never-started")
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["The embedded PostgreSQL was never started", "next: postloan up"]
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("run", "2026-02-30"), id="a date that does not exist"),
        pytest.param(("run", "--date", "yesterday"), id="a word for a date"),
        pytest.param(("run", "date"), id="no date"),
        pytest.param(("run", "2026-01-05", "--date", "2026-01-06"), id="two dates"),
        pytest.param(
            ("backfill", "--from", "2026-01-05", "--to", "2026-01-04"), id="a range that ends before it begins"
        ),
        pytest.param(("restate", "--from", "2026-01-05", "--to", "2026-01-05"), id="no reason"),
        pytest.param(("sample", "kiva", "--from", "/nowhere"), id="a directory that is not there"),
        pytest.param(("export", "L1"), id="a verb that does not exist yet"),
    ],
)
def test_wrong_usage_ends_with_code_2(cli, arguments):
    assert cli(*arguments).exit_code == 2


def test_status_and_down_say_that_nothing_runs_and_leave_nothing_behind(cli, tmp_path):
    assert "was never started" in cli("status").output
    assert "nothing was running" in cli("down").output
    assert not (tmp_path / "home").exists()


def test_doctor_ends_with_code_1_and_names_the_command(cli):
    result = cli("doctor")
    assert result.exit_code == 1
    assert "postloan up" in result.output


def test_a_setting_that_cannot_be_is_named_and_its_secret_is_not(cli, monkeypatch):
    monkeypatch.setenv("POSTLOAN_TIMEZONE", "Shanghai")
    monkeypatch.setenv("POSTLOAN_STATEMENT_TIMEOUT_SECONDS", "s3cret")
    result = cli("status")
    assert result.exit_code == 1
    assert "POSTLOAN_TIMEZONE: " in result.output
    assert "s3cret" not in result.output


def test_an_unknown_system_is_named_with_those_that_there_are(cli):
    result = CliRunner().invoke(app, ["land", "2026-01-05", "--system", "pawnshop"])
    assert result.exit_code == 1
    assert "core_banking" in result.output


def test_the_sample_bank_writes_what_it_says(cli, tmp_path):
    result = cli("sample", "bank", "--history-to", "2026-01-04", "--loans", "20", "--days", "2")
    assert result.exit_code == 0, result.output
    assert "2026-01-05 to 2026-01-06" in result.output
    manifests = {path.parent.relative_to(tmp_path / "home" / "landing") for path in tmp_path.rglob("manifest.json")}
    days = ("2026-01-04/history", "2026-01-05", "2026-01-06")
    # the bureau comes once a month, on the sixth
    expected = {f"{system}/{delivery}" for system in EVERYTHING for delivery in days} - {"bureau/2026-01-05"}
    assert {str(path) for path in manifests} == expected
    assert oct((tmp_path / "home" / "landing").stat().st_mode & 0o777) == "0o700", "loan data is its owner's alone"
