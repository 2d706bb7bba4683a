"""When each signal raises, when it only stays, and when it clears: tests/cases/signals, a sentence a case."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from include.jobs.land import land
from include.jobs.rebuild import rebuild
from include.settings import Settings
from include.warehouse.connection import connect
from tests.support.days import compute, land_all
from tests.support.delivered_rows import deliver
from tests.support.signal_story import TODAY, load_cases, loan_of, write_deliveries

CASES = load_cases()
LATER = TODAY + timedelta(days=60)
# what rests on a source that may fall silent, and on nothing else
OF_SILENT_SOURCES = ("salary_stopped", "autodebit_failed", "income_stale", "litigation", "business_distress")
ROWS = """
    select loan_id, signal_code, case when meets_raise then 'raised' when not meets_clear then 'kept' end,
        observed_value, observed_date
    from serving.loan_signal_as_of(%s)
"""


@dataclass
class Day:
    """What a reader sees of the signals: (loan, signal) -> (state, value, date)."""

    signals: dict[tuple[str, str], tuple[Any, ...]]


@pytest.fixture(scope="module")
def told(server, template_warehouse, tmp_path_factory) -> Iterator[Settings]:
    """Every case as one lender, published for TODAY."""
    server.create_database("signals", template=template_warehouse)
    settings = server.settings_for("signals", tmp_path_factory.mktemp("signals"))
    write_deliveries(settings.landing, CASES)
    land_all(TODAY, settings)
    compute(TODAY, settings)
    yield settings
    server.drop_database("signals")


@pytest.fixture(scope="module")
def today(told: Settings) -> Day:
    return read(told, TODAY)


def read(settings: Settings, day: date) -> Day:
    with connect(settings) as connection:
        return Day({(row[0], row[1]): row[2:] for row in connection.execute(ROWS, (day,))})


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case['signal']}: {case['case']}") for case in CASES])
def test_a_signal_says_what_its_case_says(today: Day, case: dict[str, Any]) -> None:
    state, value, _ = today.signals.get((loan_of(case), case["signal"]), ("clear", None, None))
    assert state == case["expect"]
    if "value" in case:
        assert value == Decimal(str(case["value"]))


@pytest.mark.parametrize("signal", sorted({case["signal"] for case in CASES}))
def test_every_signal_has_a_case_that_raises_and_one_that_clears(signal: str) -> None:
    assert {"raised", "clear"} <= {case["expect"] for case in CASES if case["signal"] == signal}


def test_nothing_of_the_cases_was_refused_at_landing(told: Settings) -> None:
    with connect(told) as connection:
        refused = connection.execute("select table_name, reason_code, masked_text from quarantine.rows").fetchall()
    assert refused == []


def test_a_signal_neither_rises_nor_clears_while_its_source_is_silent(told: Settings, today: Day) -> None:
    """Sixty days without a delivery: the salary has not stopped, the failed debit is not forgotten."""
    compute(LATER, told, audited=False)
    later = read(told, LATER)
    assert _of(later, OF_SILENT_SOURCES) == _of(today, OF_SILENT_SOURCES)
    assert rebuild(LATER, told)[1] == []


def test_and_moves_as_soon_as_the_source_has_caught_up(told: Settings, today: Day) -> None:
    day = LATER + timedelta(days=1)
    deliver(told.landing, day, {"account_transaction": []})
    land(day, "accounts", told)
    compute(day, told, audited=False)
    now = read(told, day)
    failed = {key for key, row in _of(today, ("autodebit_failed",)).items() if row[0] == "raised"}
    assert failed
    assert _of(now, ("autodebit_failed",)) == {}
    assert len(_of(now, ("salary_stopped",))) > len(_of(today, ("salary_stopped",)))
    assert rebuild(day, told)[1] == []


def _of(day: Day, signals: tuple[str, ...]) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {key: row for key, row in day.signals.items() if key[1] in signals}
