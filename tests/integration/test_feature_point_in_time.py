"""A feature of a past date uses what had happened and was known then, and nothing that came later.

T1 events after the date, T1b one day after it, T2 old events that arrive late, T3 everything unknown taken away, T4 a
later version of a row, T5 asked again on a later date, T6 the opposite: a past, known event must change something.
Leaks are planted into the SQL to see that these tests see them.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from include import dbt
from include.jobs.land import land
from include.jobs.open_run import open_run
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.runs import load_run, run_environment
from tests.support.feature_story import FIRST, SECOND, SYSTEMS, TODAY, write_deliveries

Rows = list[tuple[Any, ...]]


@dataclass
class Asked:
    """A database with a run of TODAY, and the features' SQL as that run would ask it. ``url``: of one who may all."""

    url: str
    statement: str
    later_statement: str
    honest: Rows


@pytest.fixture(scope="module")
def asked(server, template_warehouse, tmp_path_factory) -> Iterator[Asked]:
    server.create_database("features", template=template_warehouse)
    settings = server.settings_for("features", tmp_path_factory.mktemp("features"))
    write_deliveries(settings.landing)
    for day in (FIRST, SECOND, TODAY):
        for system in SYSTEMS:
            land(day, system, settings)
    run_id = open_run(TODAY, settings)
    url = server.facts.url("postgres", "features")
    with psycopg.connect(url) as connection:
        connection.execute(
            "create table intermediate.feature_spine (loan_id text, business_date date, known_date date)"
        )
        connection.execute(
            "insert into intermediate.feature_spine select loan_id, day, day from raw.core_banking__loan_contract "
            "cross join unnest(%s::date[]) as day",
            ([FIRST, SECOND],),
        )
    made = Asked(url, "", "", [])
    made.statement = compiled(settings, run_id, TODAY)
    made.later_statement = compiled(settings, run_id, TODAY + timedelta(days=200))
    with changed(made) as connection:
        made.honest = features(connection, made.statement)
    yield made
    server.drop_database("features")


def compiled(settings: Settings, run_id: str, day: date) -> str:
    with connect(settings) as connection:
        context = run_environment(connection, load_run(connection, run_id))
    text = "{{ loan_features('intermediate.feature_spine') }} order by 1, 2"
    return dbt.compiled(settings, text, context | {"POSTLOAN_BUSINESS_DATE": day.isoformat()})


@contextmanager
def changed(asked: Asked, *statements: str) -> Iterator[psycopg.Connection]:
    """The database after these changes; nothing of them stays."""
    with psycopg.connect(asked.url) as connection:
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount > 0, "a change that changes nothing tests nothing"
        yield connection
        connection.rollback()


def features(connection: psycopg.Connection, statement: str) -> Rows:
    return connection.execute(statement.encode()).fetchall()


def again(table: str, **values: str) -> str:
    """Rows of a raw table once more, in a batch that the run has pinned, with other values."""
    columns = {"_line_no": "source._line_no + 100000", **values}
    return (
        f"insert into raw.{table} select (jsonb_populate_record(source, jsonb_build_object("
        + ", ".join(f"'{name}', {value}" for name, value in columns.items())
        + f"))).* from raw.{table} as source"
    )


def superseded(table: str, day: str, where: str) -> str:
    """All these rows superseded on a day, by the last batch of their table."""
    return (
        f"insert into raw.{table}__superseded select source._batch_id, source._line_no, "
        f"max(source._batch_id) over (), {day} from raw.{table} as source where {where}"
    )


LATER = "date '2026-03-05'"  # after both dates of the spine, before the run
PAYMENT, REPORT, MOVEMENT = "payments__repayment_transaction", "bureau__bureau_report", "accounts__account_transaction"
CONTRACT, SCHEDULE = "core_banking__loan_contract", "core_banking__repayment_schedule"
KNOWN_LATER = {"_business_date": LATER, "_known_date": LATER}
FIRST_DAY, LAST_OF_FIRST = f"date '{FIRST}'", f"source._business_date <= date '{FIRST}'"


def next_day(day: str) -> dict[str, str]:
    return {"_business_date": f"{day} + 1", "_known_date": f"{day} + 1"}


# what must change nothing at the dates of the spine
FUTURE = {
    "T1 payments after the date": [again(PAYMENT, value_date=LATER, amount="'9000.00'", **KNOWN_LATER)],
    "T1 reports after the date": [again(REPORT, pull_date=LATER, bureau_score="300", **KNOWN_LATER)],
    "T1 movements after the date": [again(MOVEMENT, booking_date=LATER, movement_code="'SALARY'", **KNOWN_LATER)],
    "T1 payments known beforehand": [again(PAYMENT, value_date=LATER) + f" where {LAST_OF_FIRST}"],
    "T1 reports dated ahead": [again(REPORT, pull_date=LATER, bureau_score="300") + f" where {LAST_OF_FIRST}"],
    "T1b payments one day after the last date": [
        again(PAYMENT, value_date=f"date '{SECOND}'", amount="'7000.00'", **next_day(f"date '{SECOND}'"))
    ],
    "T1b movements one day after the last date": [
        again(MOVEMENT, movement_code="'AUTODEBIT_FAILED'", **next_day(f"date '{SECOND}'"))
    ],
    "T2 old payments that arrive late": [again(PAYMENT, amount="'5000.00'", **KNOWN_LATER)],
    "T2 old payments of a delivery that was corrected late": [
        again(PAYMENT, amount="'5000.00'", _known_date=LATER) + f" where {LAST_OF_FIRST}"
    ],
    "T2 old reports that arrive late": [again(REPORT, pull_date="source.pull_date + 1", **KNOWN_LATER)],
    "T3 everything unknown on the last date taken away": [
        f"delete from raw.{table} where _business_date > date '{SECOND}' or _known_date > date '{SECOND}'"
        for table in (PAYMENT, REPORT, MOVEMENT)
    ],
    "T4 every contract superseded later by one that is closed": [
        again(CONTRACT, contract_status="'CLOSED'", status_date="source.disbursement_date + 1", **KNOWN_LATER),
        superseded(CONTRACT, LATER, f"source._business_date <= date '{SECOND}'"),
    ],
    "T4 every payment withdrawn later": [superseded(PAYMENT, LATER, f"source._business_date <= date '{SECOND}'")],
}
# what must change something: otherwise the tests above prove nothing about the table
CANARIES = {
    "payments taken away": [f"delete from raw.{PAYMENT} where _business_date = date '{FIRST}' and amount > 0"],
    "reports with another score": [f"update raw.{REPORT} set bureau_score = 301 where _business_date = date '{FIRST}'"],
    "debits that failed": [f"update raw.{MOVEMENT} set movement_code = 'AUTODEBIT_FAILED'"],
    "instalments ten days earlier": [f"update raw.{SCHEDULE} set due_date = due_date - 10"],
    "payments withdrawn in time": [superseded(PAYMENT, FIRST_DAY, f"{LAST_OF_FIRST}")],
}
LEAKS: dict[str, tuple[Callable[[str], str], ...]] = {
    "no upper bound on what was delivered": (
        lambda text: text.replace("and source._business_date <= spine.business_date", ""),
        lambda text: text.replace("source.value_date <= spine.business_date", "true"),
        lambda text: text.replace("and source._known_date <= spine.known_date", ""),
    ),
    "the known date is not asked": (lambda text: text.replace("and source._known_date <= spine.known_date", ""),),
    "the known and the delivery date are not asked": (
        lambda text: text.replace("and source._known_date <= spine.known_date", ""),
        lambda text: text.replace("and source._business_date <= spine.business_date", ""),
    ),
    "one day too many": (
        lambda text: text.replace(
            "source._business_date <= spine.business_date", "source._business_date - 1 <= spine.business_date"
        ),
        lambda text: text.replace(
            "source._known_date <= spine.known_date", "source._known_date - 1 <= spine.known_date"
        ),
    ),
    "the present state in place of the one then": (
        lambda text: text.replace("and superseded._superseded_date <= spine.business_date", ""),
    ),
    "reports of the future": (lambda text: text.replace("source.pull_date <= spine.business_date", "true"),),
    "a window that ends with the newest payment": (
        lambda text: text.replace(
            "where value_date > business_date - 90",
            f"where value_date > (select max(value_date) from raw.{PAYMENT}) - 90",
        ),
    ),
    "the run's date in place of the row's": (
        lambda text: re.sub(r"due_date > business_date - 180", "due_date > current_date - 180", text),
    ),
}


@pytest.mark.parametrize("what", FUTURE)
def test_what_came_later_changes_no_feature_of_an_earlier_date(asked: Asked, what: str) -> None:
    with changed(asked, *FUTURE[what]) as connection:
        assert features(connection, asked.statement) == asked.honest


def test_t5_the_same_dates_asked_two_hundred_days_later_have_the_same_features(asked: Asked) -> None:
    with changed(asked) as connection:
        assert features(connection, asked.later_statement) == asked.honest


@pytest.mark.parametrize("what", CANARIES)
def test_t6_what_was_known_then_does_change_a_feature(asked: Asked, what: str) -> None:
    with changed(asked, *CANARIES[what]) as connection:
        assert features(connection, asked.statement) != asked.honest


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_seen(asked: Asked, leak: str) -> None:
    """At least one of the tests above has to fail when the SQL looks where it must not."""
    statement = asked.statement
    for plant in LEAKS[leak]:
        planted = plant(statement)
        assert planted != statement, "the leak was not planted"
        statement = planted
    with changed(asked) as connection:
        leaking = features(connection, statement)
    assert leaking != asked.honest or any(moves(asked, statement, leaking, what) for what in FUTURE)


def moves(asked: Asked, statement: str, before: Rows, what: str) -> bool:
    with changed(asked, *FUTURE[what]) as connection:
        return features(connection, statement) != before


def test_every_loan_of_the_spine_has_one_row_a_date_with_values_in_more_than_one_band(asked: Asked) -> None:
    with psycopg.connect(asked.url) as connection:
        cursor = connection.execute(asked.statement.encode())
        names = [column.name for column in cursor.description or []]
        codes = [code for (code,) in connection.execute("select feature_code from ref.feature order by 1")]
        (spine,) = connection.execute("select count(*) from intermediate.feature_spine").fetchone() or (0,)
    assert len(asked.honest) == spine
    assert sorted(set(names) & set(codes)) == codes, "the policy and the SQL name the same features"
    for code in codes:
        assert len({row[names.index(code)] for row in asked.honest}) > 1, code
