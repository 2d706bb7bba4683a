"""The verbs of the pipeline, typed one after the other by a person on a small lender."""

import os
import re
from collections.abc import Callable, Iterator

import pytest
from psycopg import sql
from typer.testing import CliRunner, Result

from include.cli import app
from include.daily import published_runs
from include.settings import Settings

FIRST, SECOND, THIRD = "2026-01-05", "2026-01-06", "2026-01-07"
Type = Callable[..., Result]


@pytest.fixture
def cli(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Type]:
    """Types a command and wants it to succeed, or to fail with ``code``; deliveries of two days are there."""
    monkeypatch.setattr("include.settings.load_settings", lambda: settings)
    before = os.umask(0o022)

    def type_command(*arguments: str, code: int = 0, answer: str | None = None) -> Result:
        result = CliRunner().invoke(app, list(arguments), input=answer)
        assert result.exit_code == code, f"{arguments}: {result.output}\n{result.exception!r}"
        return result

    bank = ("sample", "bank", "--history-to", "2026-01-04", "--loans", "60", "--days", "2", "--seed", "7")
    type_command(*bank, "--only-loans")
    yield type_command
    os.umask(before)


def shown(settings: Settings) -> dict[str, str]:
    return {str(day): run_id for day, run_id in published_runs(settings).items()}


def test_a_backfill_shows_its_plan_runs_in_order_and_stops_at_the_first_missing_delivery(cli, settings):
    refused = cli("backfill", "--from", FIRST, "--to", THIRD, answer="n\n", code=1)
    assert f"{FIRST}" in refused.output
    assert "stops here: no delivery of core_banking, payments" in refused.output
    assert shown(settings) == {}, "the answer was no"

    late = cli("backfill", "--from", FIRST, "--to", THIRD, "--yes", code=1)
    assert f"{FIRST} (1 of 3)" in late.output
    assert "core_banking" in late.output
    assert THIRD in late.output
    assert sorted(shown(settings)) == [FIRST, SECOND]

    assert "stays as it is" in cli("backfill", "--from", FIRST, "--to", SECOND).output


def test_a_date_is_run_read_rolled_back_shown_again_verified_and_restated(cli, settings):
    assert re.search(r"publish +\d+\.\d s", cli("run", FIRST).output)
    again = cli("run", "--date", FIRST)
    assert "is published already as run" in again.output
    cli("run", "date", SECOND)
    before = shown(settings)

    lists = cli("lists").output
    for title in (f"Warning list, {SECOND}", f"Cleared warnings, {SECOND}", f"Portfolio, {SECOND}"):
        assert title in lists
    assert f"Portfolio, {FIRST}" in cli("lists", "--date", FIRST).output

    assert "now nothing" in cli("rollback", SECOND, "--reason", "a wrong file").output
    assert f"{SECOND} is not published" in cli("lists", "--date", SECOND, code=1).output
    assert f"shows run {before[SECOND]} again" in cli("publish", before[SECOND], "--reason", "it was right").output
    assert shown(settings) == before

    assert "matches its manifest" in cli("verify", SECOND).output
    assert "No difference between run" in cli("verify", SECOND, "--rebuild").output
    assert "has only one version" in cli("diff", FIRST, code=1).output
    cli("restate", "--from", FIRST, "--to", FIRST, "--reason", "to see that nothing changes")
    after = shown(settings)
    assert after[SECOND] == before[SECOND]
    assert after[FIRST] != before[FIRST]
    assert "No difference" in cli("diff", FIRST).output
    assert "No difference" in cli("diff", before[FIRST], after[FIRST]).output

    assert "delivered: files" in cli("deliver", after[FIRST]).output
    assert "nothing to abandon" in cli("run", "abandon", after[FIRST], code=1).output
    status = cli("status").output
    assert "Published: 2 business dates" in status
    assert after[FIRST] in status


def test_landing_alone_says_what_it_did_and_nothing_the_second_time(cli):
    assert "batches 4" in cli("land", FIRST, "--system", "core_banking").output
    assert "batches 0" in cli("land", FIRST, "--system", "core_banking").output
    assert "migrated: migrations 0, tables 0, columns 0" in cli("migrate").output


def test_nothing_published_yet_is_said_with_the_command_that_changes_it(cli):
    result = cli("lists", code=1)
    assert result.output.splitlines() == ["Nothing is published yet", "next: postloan run YYYY-MM-DD"]


def test_a_login_that_lacks_a_right_is_told_which_and_how_to_get_it(server, tmp_path, monkeypatch):
    weak = Settings(
        home=tmp_path / "home", warehouse_url=server.facts.url("postloan", "weak").replace("postloan:", "weak:")
    )
    password = sql.Literal(server.facts.postloan_password)
    server.execute(sql.SQL("create role weak login password {}").format(password))
    server.execute(sql.SQL("create database weak owner weak"))
    monkeypatch.setattr("include.settings.load_settings", lambda: weak)
    try:
        refused = CliRunner().invoke(app, ["migrate"])
        assert refused.exit_code == 1
        assert "may not do this: permission denied to" in refused.output  # create or grant a role, whichever is first
        assert "Traceback" not in refused.output
        assert "alter role weak createrole" in CliRunner().invoke(app, ["doctor"]).output
    finally:
        server.drop_database("weak")
        server.execute(sql.SQL("drop role weak"))


def test_doctor_has_nothing_to_say_about_a_warehouse_that_is_well(cli):
    result = cli("doctor")
    assert "may create roles and schemas" in result.output
    assert "migrations" in result.output
