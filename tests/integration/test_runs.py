"""Runs: whose turn it is, what they read, what they stand on, and what readers see of them."""

import itertools
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from include import dbt
from include.errors import RefusedError, SupersededError
from include.jobs.abandon import abandon
from include.jobs.decide import decide
from include.jobs.open_run import open_run
from include.jobs.publish import publish, rollback, show_again
from include.jobs.rebuild import rebuild
from include.jobs.restate import restate
from include.jobs.transform import transform
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.publication import flip
from include.warehouse.runs import assert_writer, load_run, run_environment
from tests.conftest import TestServer
from tests.support.days import compute, land_all
from tests.support.dump import canonical_dump
from tests.support.small_bank import HISTORY_TO, day, deliver_days

_number = itertools.count(1)


@pytest.fixture(scope="module")
def first_two_days(server: TestServer, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse to clone, with the history's last day and the day after it published, and the landing behind it."""
    server.create_database("first_two_days", template=template_warehouse)
    settings = server.settings_for("first_two_days", tmp_path_factory.mktemp("first_two_days"))
    deliver_days(settings.landing, 3)
    for business_date in (HISTORY_TO, day(1)):
        land_all(business_date, settings)
        compute(business_date, settings, audited=False)
    return settings


@pytest.fixture
def published(first_two_days: Settings, server: TestServer) -> Iterator[Settings]:
    """A clone of it for one test."""
    name = f"runs_{next(_number)}"
    server.create_database(name, template="first_two_days")
    yield server.settings_for(name, first_two_days.home)
    server.drop_database(name)


def shown(settings: Settings, business_date: date) -> str | None:
    with connect(settings, role="postloan_owner") as connection:
        row = connection.execute(
            "select distinct run_id from ops.publication where business_date = %s", (business_date,)
        ).fetchone()
    return row[0] if row else None


def test_a_published_date_run_again_changes_nothing_and_says_so(
    published: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    before = canonical_dump(published)
    with caplog.at_level("INFO"):
        run_id = open_run(day(1), published)
    assert run_id == shown(published, day(1))
    assert "nothing to do" in caplog.text
    assert (transform(run_id, published), decide(run_id, published), publish(run_id, published)) == ({}, {}, {})
    assert canonical_dump(published) == before


def test_an_interrupted_run_is_taken_up_again_with_its_pins_and_its_name(published: Settings) -> None:
    land_all(day(2), published)
    first = open_run(day(2), published)
    land_all(day(3), published)  # lands meanwhile, and is not pinned any more
    assert open_run(day(2), published) == first
    with connect(published, role="postloan_owner") as connection:
        assert load_run(connection, first).attempt == 2


def test_a_former_attempt_that_wakes_up_may_not_write(published: Settings) -> None:
    land_all(day(2), published)
    run_id = open_run(day(2), published)
    with connect(published, role="postloan_owner") as connection:
        asleep = load_run(connection, run_id)
    open_run(day(2), published)
    with connect(published, role="postloan_owner") as connection, pytest.raises(SupersededError, match="superseded"):
        assert_writer(connection, asleep)
    with connect(published, role="postloan_owner") as connection, pytest.raises(SupersededError):
        flip(connection, asleep, action="PUBLISH")


def test_nothing_is_published_that_no_audit_has_passed(published: Settings) -> None:
    land_all(day(2), published)
    run_id = open_run(day(2), published)
    transform(run_id, published)
    decide(run_id, published)
    with pytest.raises(RefusedError, match="audit_marts, audit_lists"):
        publish(run_id, published)
    assert shown(published, day(2)) is None


def test_a_run_whose_base_was_taken_back_meanwhile_is_not_published(published: Settings) -> None:
    land_all(day(2), published)
    run_id = open_run(day(2), published)
    transform(run_id, published)
    decide(run_id, published)
    rollback(day(1), published, reason="a person saw an error")
    with connect(published, role="postloan_owner") as connection, pytest.raises(RefusedError, match="stands on base"):
        flip(connection, load_run(connection, run_id), action="PUBLISH")


def test_a_rollback_of_a_date_that_had_no_other_run_takes_it_away_and_keeps_the_day_before(published: Settings) -> None:
    run_id = shown(published, day(1))
    assert rollback(day(1), published, reason="wrong file") == (run_id, None)
    assert shown(published, day(1)) is None
    with connect(published, role="reader") as connection:
        (latest,) = connection.execute("select max(as_of_date) from serving.loan_position").fetchone()
    assert latest == HISTORY_TO


def test_what_was_taken_back_can_be_shown_again_but_not_run_again_unchanged(published: Settings) -> None:
    run_id = shown(published, day(1))
    rollback(day(1), published, reason="a false alarm")
    with pytest.raises(RefusedError, match="nothing has changed"):
        open_run(day(1), published)
    show_again(run_id, published, reason="it was right")
    assert shown(published, day(1)) == run_id


def test_runs_on_a_withdrawn_base_are_marked_and_stay_readable(published: Settings) -> None:
    land_all(day(2), published)
    later = compute(day(2), published, audited=False)
    with connect(published, role="reader") as connection:
        query = "select * from serving.loan_position_as_of(%s) order by loan_id"
        before = connection.execute(query, (day(2),)).fetchall()
    rollback(day(1), published, reason="wrong file")
    with connect(published, role="postloan_owner") as connection:
        marked = connection.execute("select run_id from ops.run_standing where has_withdrawn_base").fetchall()
    with connect(published, role="reader") as connection:
        assert connection.execute(query, (day(2),)).fetchall() == before
    assert marked == [(later,)]


def test_a_restated_date_shows_its_new_version_and_leaves_the_other_dates_alone(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_all(day(2), published)
    compute(day(2), published, audited=False)
    query = "select * from serving.warning_list_as_of(%s) order by loan_id"
    with connect(published, role="reader") as connection:
        untouched = [connection.execute(query, (day(n),)).fetchall() for n in (0, 2)]
    former = shown(published, day(1))
    # people have worked from the assignments of the date: they are carried over and not decided again
    worked_from = "select borrower_id, officer_id, window_start_at from serving.revisit_assignment_as_of(%s) order by 1"
    with connect(published, role="reader") as connection:
        assigned = connection.execute(worked_from, (day(1),)).fetchall()
    monkeypatch.delattr("scoring.assignment.assign")
    outcome = restate([day(1)], published, reason="the core system corrected its books")
    assert shown(published, day(1)) == outcome[day(1).isoformat()]["run_id"] != former
    with connect(published, role="reader") as connection:
        assert connection.execute(worked_from, (day(1),)).fetchall() == assigned != []
        assert [connection.execute(query, (day(n),)).fetchall() for n in (0, 2)] == untouched


def test_an_abandoned_run_gives_the_warehouse_back(published: Settings) -> None:
    land_all(day(2), published)
    run_id = open_run(day(2), published)
    abandon(run_id, published)
    with connect(published, role="postloan_owner") as connection:
        assert connection.execute("select run_id from ops.writer").fetchone() == (None,)
    with pytest.raises(RefusedError, match="ABANDONED"):
        transform(run_id, published)


def test_a_date_between_two_published_dates_is_run_on_the_one_before_it(published: Settings) -> None:
    land_all(day(2), published)
    land_all(day(3), published)
    latest = compute(day(3), published, audited=False)
    between = compute(day(2), published, audited=False)
    with connect(published, role="postloan_owner") as connection:
        assert load_run(connection, between).base_run_id == shown(published, day(1))
        assert load_run(connection, latest).base_run_id == shown(published, day(1))
    assert rebuild(day(2), published)[1] == []


def test_people_read_the_serving_views_and_nothing_else(published: Settings) -> None:
    with connect(published, role="reader") as connection:
        assert connection.execute("select count(*) from serving.loan_position").fetchone()[0] > 0
    for forbidden in ("published.loan_position", "raw.core_banking__loan_contract", "ops.run", "vault.quarantine_text"):
        with (
            connect(published, role="reader") as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(f"select * from {forbidden}")


def test_row_level_security_is_forced_on_every_published_table(published: Settings) -> None:
    with connect(published, role="postloan_owner") as connection:
        unprotected = connection.execute(
            "select relname from pg_class where relnamespace = 'published'::regnamespace and relkind in ('r', 'p') "
            "and not relispartition and not (relrowsecurity and relforcerowsecurity)"
        ).fetchall()
    assert unprotected == []


def test_the_transformer_owns_no_published_table(published: Settings) -> None:
    with connect(published, role="postloan_owner") as connection:
        owners = connection.execute(
            "select distinct relowner::regrole::text from pg_class where relnamespace = 'published'::regnamespace"
        ).fetchall()
    assert owners == [("postloan_owner",)]


def test_every_unit_test_and_key_of_the_sql_holds(published: Settings) -> None:
    with connect(published, role="postloan_owner") as connection:
        context = run_environment(connection, load_run(connection, shown(published, day(1))))
    records = dbt.invoke(published, ["test"], context)
    assert len([record for record in records if record["model"].startswith(("unique", "not_null"))]) >= 6
    assert len(records) >= 11
    assert {record["status"] for record in records} == {"pass"}
