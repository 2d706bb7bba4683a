"""What the lists say of a borrower tomorrow and the day after: tests/cases/lists, a sentence a case."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg.rows import dict_row

from include.jobs.rebuild import rebuild
from include.settings import Settings
from include.warehouse.connection import connect
from tests.support.days import compute, land_all
from tests.support.list_story import DAYS, load_cases, stops, write_days
from tests.support.signal_story import TODAY, loan_of

CASES = load_cases()
EXPECTED = [(case, day) for case in CASES for day in case["expect"]]
Row = dict[str, Any]


@dataclass
class Shown:
    """What a reader sees as of a date, by loan and by borrower."""

    listed: dict[str, Row] = field(default_factory=dict)
    cleared: dict[str, Row] = field(default_factory=dict)
    episodes: dict[str, list[Row]] = field(default_factory=dict)
    items: dict[str, list[Row]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def lender(server, template_warehouse, tmp_path_factory) -> Iterator[Settings]:
    server.create_database("list_cases", template=template_warehouse)
    settings = server.settings_for("list_cases", tmp_path_factory.mktemp("list_cases"))
    write_days(settings.landing, CASES)
    with connect(settings, role="postloan_owner") as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.contact_stop (borrower_id, stop_code, action, happened_at, recorded_at, source) "
            "values (%s, %s, 'STOP', %s, %s, 'CASE')",
            [(borrower_id, code, at, at) for borrower_id, code, at in stops(CASES)],
        )
    for number in DAYS.values():
        land_all(TODAY + timedelta(days=number), settings)
        compute(TODAY + timedelta(days=number), settings, audited=number in (0, 3, 9))
    yield settings
    server.drop_database("list_cases")


@pytest.fixture(scope="module")
def shown(lender: Settings) -> dict[str, Shown]:
    found = {}
    with connect(lender, role="reader") as connection, connection.cursor(row_factory=dict_row) as cursor:
        for name, number in DAYS.items():
            day = TODAY + timedelta(days=number)

            def rows(data_set: str, day: date = day) -> list[Row]:
                return cursor.execute(f"select * from serving.{data_set}_as_of(%s)", (day,)).fetchall()

            found[name] = Shown(
                {row["loan_id"]: row for row in rows("warning_list")},
                {row["loan_id"]: row for row in rows("warning_cleared")},
            )
            for row in rows("warning_episode"):
                found[name].episodes.setdefault(row["loan_id"], []).append(row)
            for row in rows("work_item"):
                found[name].items.setdefault(row["borrower_id"], []).append(row)
    return found


def said(shown: Shown, case: Row) -> dict[str, Any]:
    """Everything that a case may name, as the lists of a day say it."""
    loan_id = loan_of(case)
    listed, cleared = shown.listed.get(loan_id, {}), shown.cleared.get(loan_id, {})
    episodes = shown.episodes.get(loan_id, [])
    items = shown.items.get(f"B{case['number']:03d}", [])
    item = items[0] if items else {}
    return {
        "listed": listed.get("change", False),
        "severity": listed.get("severity"),
        "signals": listed.get("signal_codes"),
        "unknown": listed.get("unknown_signal_codes"),
        "since": listed.get("listed_since_date"),
        "lane": listed.get("lane_code"),
        "owner": listed.get("lane_owner"),
        "treatment": listed.get("treatment_code"),
        "respond_by": listed.get("respond_by_date"),
        "urgency": listed.get("priority_urgency_factor"),
        "reach": listed.get("priority_reach_factor"),
        "changed": listed.get("change_text_en", ""),
        "cleared": cleared.get("cleared_by", False),
        "cleared_signals": cleared.get("cleared_signal_codes"),
        "was": cleared.get("last_severity"),
        "next_lane": cleared.get("lane_code"),
        "state": episodes[0]["state_code"] if episodes else None,
        "reopened": episodes[0]["reopened_count"] if episodes else None,
        "items": len(items),
        "loans_in_item": len(item.get("loan_ids", "").split(",")),
        "work": item.get("work_code"),
        "code": item.get("work_today_code"),
        "worked": item.get("is_work_today", False),
        "channel": item.get("channel_code"),
        "purpose": item.get("purpose_code"),
        "blocked": item.get("blocked_rule_code"),
        "work_date": item.get("work_date"),
        "from": item.get("local_from_time"),
        "to": item.get("local_to_time"),
        "promise": item.get("open_promise_date"),
    }


@pytest.mark.parametrize(
    ("case", "day"),
    [pytest.param(case, day, id=f"{case['file']}: {case['case']}: {day}") for case, day in EXPECTED],
)
def test_the_lists_say_what_the_case_says(shown: dict[str, Shown], case: Row, day: str) -> None:
    found = said(shown[day], case)
    for name, expected in case["expect"][day].items():
        if name == "changed":
            assert expected in found["changed"]
        elif name == "since":
            assert found["since"] == TODAY + timedelta(days=DAYS[expected])
        elif isinstance(found[name], Decimal):
            assert found[name] == Decimal(expected)
        else:
            assert found[name] == expected, name


def test_there_are_forty_cases_and_more_about_tomorrow_and_the_day_after() -> None:
    assert len(CASES) >= 40
    assert len({case["case"] for case in CASES}) == len(CASES)
    assert sum(day != "today" for _, day in EXPECTED) >= 25


def test_nothing_of_the_cases_was_refused_at_landing(lender: Settings) -> None:
    with connect(lender) as connection:
        refused = connection.execute("select table_name, reason_code, masked_text from quarantine.rows").fetchall()
    assert refused == []


def test_the_last_day_computed_in_full_is_the_same(lender: Settings) -> None:
    assert rebuild(TODAY + timedelta(days=9), lender)[1] == []
