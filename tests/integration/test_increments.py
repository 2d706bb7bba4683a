"""A bad winter, 64 business dates: late, missing, corrected, duplicated, truncated, drifted and poisoned deliveries.

Every published date is computed again in full and must come out the same, column by column.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import psycopg
import pytest

from include.errors import DeliveryError, LateDeliveryError
from include.jobs.rebuild import rebuild
from include.jobs.verify import verify
from include.sample_bank.scenario import Step, scenario
from include.settings import Settings
from include.warehouse.connection import connect
from tests.oracle.position import Oracle
from tests.oracle.published import differences, past_due_tolerance, published_positions
from tests.support.days import compute, land_all
from tests.support.readers import Reader

DATES = 64
AUDITED_EVERY = 8
pytestmark = [pytest.mark.timeout(1800)]


@dataclass
class Winter:
    """Per date: the run, and how its full rebuild and the oracle differ. And attempts that ended as they must not."""

    settings: Settings
    oracle: Oracle
    runs: dict[date, str] = field(default_factory=dict)
    rebuild_differences: dict[date, list] = field(default_factory=dict)
    oracle_differences: dict[date, list[str]] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    reader: Reader | None = None


@pytest.fixture(scope="module")
def winter(server, template_warehouse, tmp_path_factory) -> Iterator[Winter]:
    server.create_database("winter", template=template_warehouse)
    settings = server.settings_for("winter", tmp_path_factory.mktemp("winter"))
    happened = Winter(settings, Oracle(settings.landing, past_due_tolerance()))
    for step in scenario(settings.landing, dates=DATES):
        step.write()
        _attempt(step, happened)
        if happened.reader is None and happened.runs:
            happened.reader = Reader(settings)
            happened.reader.start()
    happened.reader.stop()
    yield happened
    server.drop_database("winter")


def _attempt(step: Step, winter: Winter) -> None:
    if step.expects == "skipped":
        return
    try:
        land_all(step.business_date, winter.settings)
        ended = "published"
    except LateDeliveryError:
        ended = "late"
    except DeliveryError:
        ended = "refused"
    if ended != step.expects:
        winter.unexpected.append(f"{step.business_date} ({step.title}): {ended}, expected {step.expects}")
    if ended == "published":
        audited = len(winter.runs) % AUDITED_EVERY == 0
        winter.runs[step.business_date] = compute(step.business_date, winter.settings, audited=audited)
        winter.rebuild_differences[step.business_date] = rebuild(step.business_date, winter.settings)[1]
        winter.oracle.read_again()
        expected = winter.oracle.positions(step.business_date)
        published = published_positions(winter.settings, step.business_date)
        winter.oracle_differences[step.business_date] = differences(expected, published)


def test_every_delivery_ends_as_the_script_says(winter: Winter) -> None:
    assert winter.unexpected == []
    assert len(winter.runs) >= 60


def test_increments_equal_the_full_rebuild_on_every_date(winter: Winter) -> None:
    assert {day: found for day, found in winter.rebuild_differences.items() if found} == {}


def test_most_dates_touch_a_part_of_the_portfolio_only(winter: Winter) -> None:
    """Otherwise the equality above would prove nothing."""
    with connect(winter.settings, role="postloan_auditor") as connection:
        touched = connection.execute(
            "select run.business_date, (run_step.counts ->> 'touched_loan')::integer "
            "from ops.run as run join ops.run_step as run_step using (run_id) "
            "where run_step.step = 'transform' and run.status = 'PUBLISHED' and not run.is_keyframe"
        ).fetchall()
    shares = []
    with connect(winter.settings, role="reader") as connection:
        for day, count in touched:
            (loans,) = connection.execute("select count(*) from serving.loan_position_as_of(%s)", (day,)).fetchone()
            shares.append(count / loans)
    assert len(shares) >= 50
    assert sorted(shares)[len(shares) // 2] < 0.7


def test_readers_of_three_data_sets_never_see_a_mixed_or_an_empty_day(winter: Winter) -> None:
    assert winter.reader.complaints == []
    assert len(winter.reader.dates) >= 50, "the reader must have seen at least fifty publications"
    assert winter.reader.reads >= len(winter.reader.dates)


def test_every_delivered_row_and_cent_is_accounted_for(winter: Winter) -> None:
    with connect(winter.settings, role="postloan_owner") as connection:
        batches, quarantined, loaded = connection.execute(
            "select count(*), sum(rows_quarantined), sum(rows_loaded) from ops.load_batch"
        ).fetchone()
        (in_quarantine,) = connection.execute("select count(*) from quarantine.rows").fetchone()
        tables = connection.execute("select distinct system || '__' || table_name from ops.load_batch").fetchall()
        (in_raw,) = connection.execute(
            "select " + " + ".join(f"(select count(*) from raw.{name})" for (name,) in tables)
        ).fetchone()
    assert batches >= 3 * 60
    assert (quarantined, loaded) == (in_quarantine, in_raw)
    assert quarantined > 0


def test_every_date_still_matches_its_manifest(winter: Winter) -> None:
    for day in winter.runs:
        verify(day, winter.settings)


def test_a_run_that_readers_have_seen_cannot_be_changed(winter: Winter) -> None:
    run_id = max(winter.runs.items())[1]
    for statement in (
        "delete from published.loan_position where run_id = %s",
        "insert into published.warning_cleared select * from published.warning_cleared where run_id = %s",
    ):
        with (
            connect(winter.settings, role="postloan_owner") as connection,
            pytest.raises(psycopg.Error, match=r"sealed|duplicate key"),
        ):
            connection.execute(statement, (run_id,))


def test_corrections_name_the_published_dates_that_wait_for_a_restatement(winter: Winter) -> None:
    with connect(winter.settings, role="postloan_owner") as connection:
        waiting = {day for (day,) in connection.execute("select business_date from ops.restatement_due")}
    assert waiting
    assert waiting <= set(winter.runs)


def test_an_independent_computation_from_the_landing_text_agrees_on_every_loan_and_date(winter: Winter) -> None:
    """Days past due, bucket, past due, balances, paid to date, payoff date, status: plain Python, from the files."""
    assert len(winter.oracle_differences) == len(winter.runs)
    assert {day: found[:5] for day, found in winter.oracle_differences.items() if found} == {}
