"""What the lists say of a borrower tomorrow and the day after: tests/cases/lists, a sentence a case."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from include.alert_actions import act, override
from include.errors import RefusedError
from include.jobs.rebuild import rebuild
from include.settings import Settings
from include.warehouse.connection import connect
from tests.support.days import compute, land_all
from tests.support.list_story import DAYS, actions, load_cases, stops, write_days
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
        cursor.executemany(
            "insert into ops.alert_action "
            "(loan_id, action_code, disposition_code, until_date, note, actor, happened_at, recorded_at) values "
            "(%(loan_id)s, %(action_code)s, %(disposition_code)s, %(until_date)s, 'case', 'U1', %(at)s, %(at)s)",
            actions(CASES),
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
        "alert": listed.get("alert_status"),
        "escalated": listed.get("is_escalated"),
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


def red_loan(lender: Settings) -> str:
    with connect(lender, role="reader") as connection:
        (loan_id,) = connection.execute(
            "select min(loan_id) from serving.warning_list where severity = 'RED'"
        ).fetchone()
    return loan_id


def test_what_is_not_allowed_is_refused_when_it_is_taken_in(lender: Settings) -> None:
    loan_id, until = red_loan(lender), date(2026, 4, 1)
    by = {"actor": "U1", "note": "case"}
    with pytest.raises(RefusedError, match="cannot be snoozed"):
        act(lender, loan_id, "SNOOZE", until_date=until, **by)
    with pytest.raises(RefusedError, match="not on the latest warning list"):
        act(lender, "L999", "ACKNOWLEDGE", **by)
    with pytest.raises(RefusedError, match="closed as one of"):
        act(lender, loan_id, "CLOSE", disposition_code="DONE", **by)
    why = {"reason": "paid in cash at the branch", "evidence": "receipt 7", "until_date": until, "made_by": "U1"}
    with pytest.raises(RefusedError, match="second person"):
        override(lender, loan_id, "SEVERITY", "YELLOW", **why)
    with pytest.raises(RefusedError, match="second person"):
        override(lender, loan_id, "SEVERITY", "YELLOW", approved_by="U1", **why)
    with pytest.raises(RefusedError, match="'SHOUT' is no treatment"):
        override(lender, loan_id, "TREATMENT", "SHOUT", **why)


def test_what_two_people_overruled_decides_the_treatment_and_the_computed_severity_stays_beside_it(
    lender: Settings,
) -> None:
    loan_id, last = red_loan(lender), TODAY + timedelta(days=9)
    override(
        lender, loan_id, "SEVERITY", "RED_CRITICAL", reason="fraud report", evidence="case 12", until_date=last,
        made_by="U1", happened_at=datetime(2026, 3, 19, 9, tzinfo=UTC),
    )  # fmt: skip
    before = listed(lender, last, loan_id)
    assert before["override_severity"] is None, "the published list stays as people saw it"
    with connect(lender, role="postloan_owner") as connection:  # as if it had been written down on that morning
        connection.execute("alter table ops.warning_override disable trigger warning_override_is_append_only")
        connection.execute("update ops.warning_override set recorded_at = happened_at")
        connection.execute("alter table ops.warning_override enable trigger warning_override_is_append_only")
    run_id, _ = rebuild(last, lender)
    with connect(lender) as connection:
        overruled = connection.execute(
            "select severity, override_severity, overridden_by, treatment_code from published.warning_list "
            "where run_id = %s and loan_id = %s", (run_id, loan_id),
        ).fetchone()  # fmt: skip
    assert overruled == ("RED", "RED_CRITICAL", "U1", "INTENSIVE_COLLECTION")


@pytest.mark.parametrize("table", ["alert_action", "warning_override"])
def test_what_people_did_is_never_changed_or_taken_away(lender: Settings, table: str) -> None:
    with connect(lender, role="postloan_owner") as connection, pytest.raises(psycopg.Error, match="append-only"):
        connection.execute(f"delete from ops.{table}")


def listed(settings: Settings, day: date, loan_id: str) -> Row:
    with connect(settings, role="reader") as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from serving.warning_list_as_of(%s) where loan_id = %s", (day, loan_id)
        ).fetchone()
