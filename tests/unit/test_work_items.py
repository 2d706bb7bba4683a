"""One work item a borrower, and which of them fit into the day."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from scoring.lanes import Route, Treatment
from scoring.warning_calls import warning_calls
from scoring.work_items import Case, WorkDay, work_items

WORK_DATE = date(2026, 1, 9)
COLLECTIONS = Route(8, "COLLECTIONS", "COLLECTIONS", "ANY", 8, 180)
CALL = Treatment("COLLECTION_CALL", "CONTACT", "PHONE", 3)
MESSAGE = Treatment("REMINDER", "MACHINE", "SMS", 1)
LOOK = Treatment("DESK_REVIEW", "DESK", None, 5)
WATCH = Treatment("WATCH", "NONE", None, None)
WINDOW = {
    "purpose_code": "COLLECTION", "window_start_at": "8", "window_end_at": "20", "local_from_time": "08:00",
    "local_to_time": "20:00",
}  # fmt: skip
BLOCKED = {"purpose_code": "COLLECTION", "blocked_rule_code": "DISPUTE"}


def warning(loan_id: str = "L1", points: str | None = "1.0", **changes: Any) -> dict[str, Any]:
    return {
        "loan_id": loan_id, "borrower_id": "B1", "branch_code": "X", "severity": "ORANGE", "change": "NEW",
        "priority_points": Decimal(points) if points else None, "respond_by_date": date(2026, 1, 13),
        "reason_text_zh": "警", "reason_text_en": "warned", "alert_status": "OPEN", "is_escalated": False, **changes,
    }  # fmt: skip


def revisit(layer: str = "VOICE") -> dict[str, Any]:
    return {
        "branch_code": "X", "loan_ids": "L1", "risk_tier": "HIGH", "due_date": date(2026, 1, 10),
        "channel_layer": layer, "channel_code": {"VOICE": "PHONE", "SELF_SERVICE": "APP"}[layer],
        "reason_text_zh": "访", "reason_text_en": "due",
    }  # fmt: skip


def case(
    borrower_id: str = "B1", *warnings: dict[str, Any], treatment: Treatment | None = CALL, due: dict | None = None
) -> Case:
    return Case(borrower_id, COLLECTIONS, treatment, warnings, due, {"currency": "CNY"})


def today(
    *cases: Case, capacity: int | None = 10, allowed: bool = True, officers: dict | None = None
) -> list[dict[str, Any]]:
    day = WorkDay(WORK_DATE, False, {"COLLECTIONS": capacity})
    everybody = [one.borrower_id for one in cases]
    windows = dict.fromkeys(everybody, WINDOW) if allowed else {}
    return work_items(day, cases, windows, {} if allowed else dict.fromkeys(everybody, BLOCKED), officers or {})


def test_warnings_of_two_loans_and_a_due_revisit_are_one_item_with_two_tasks() -> None:
    both = case("B1", warning("L2", "1.5"), warning("L1", severity="RED"), due=revisit())
    (item,) = today(both, officers={"B1": {"officer_id": "U7"}})
    assert (item["tasks"], item["loan_ids"], item["severity"]) == ("REVISIT,WARNING", "L1,L2", "RED")
    assert (item["priority_points"], item["respond_by_date"]) == (Decimal("2.5"), date(2026, 1, 13))
    assert (item["officer_id"], item["work_today_code"], item["is_work_today"]) == ("U7", "ASSIGNED", True)
    assert item["reason_text_en"] == "warned; due"


@pytest.mark.parametrize(
    ("of", "allowed", "code", "is_today"),
    [
        pytest.param(case("B1", warning()), True, "IN_CAPACITY", True, id="a call that fits into the day"),
        pytest.param(case("B1", warning()), False, "CONTACT_BLOCKED", False, id="a call that a rule forbids"),
        pytest.param(case("B1", warning(), treatment=MESSAGE), True, "BY_MACHINE", True, id="a message"),
        pytest.param(case("B1", warning(), treatment=MESSAGE), False, "CONTACT_BLOCKED", False, id="none is sent"),
        pytest.param(case("B1", warning(), treatment=LOOK), False, "IN_CAPACITY", True, id="a look needs no contact"),
        pytest.param(case("B1", warning(), treatment=WATCH), True, "WATCHED", False, id="a hint is watched"),
        pytest.param(case("B1", treatment=None, due=revisit()), True, "NO_OFFICER", False, id="nobody for a revisit"),
        pytest.param(
            case("B1", treatment=None, due=revisit("SELF_SERVICE")), True, "BY_MACHINE", True, id="an invitation"
        ),
        pytest.param(case("B1", treatment=None, due=revisit()), False, "CONTACT_BLOCKED", False, id="no visit now"),
        pytest.param(
            case("B1", warning(), due=revisit()),
            True,
            "IN_CAPACITY",
            True,
            id="nobody for the revisit, but for the call",
        ),
    ],
)
def test_every_item_says_whether_and_why_it_is_worked_today(of: Case, allowed: bool, code: str, is_today: bool) -> None:
    (item,) = today(of, allowed=allowed)
    assert (item["work_today_code"], item["is_work_today"]) == (code, is_today)


def test_what_capacity_leaves_is_taken_by_priority_and_the_rest_waits_with_its_severity() -> None:
    cases = [case(f"B{points}", warning(points=str(points))) for points in (1, 3, 2)]
    cases.append(case("B9", warning(points=None, severity="RED_CRITICAL")))
    items = {item["borrower_id"]: item for item in today(*cases, capacity=2)}
    assert [name for name, item in items.items() if item["is_work_today"]] == ["B2", "B3"]
    assert {name: item["work_rank"] for name, item in items.items()} == {"B1": 3, "B2": 2, "B3": 1, "B9": 4}
    assert (items["B9"]["severity"], items["B9"]["work_today_code"]) == ("RED_CRITICAL", "NO_CAPACITY")


def test_an_assigned_revisit_and_a_message_take_nothing_from_the_day_of_the_lane() -> None:
    cases = [
        case("B1", warning(points="9"), due=revisit()),
        case("B2", warning(points="8"), treatment=MESSAGE),
        case("B3", warning(points="1")),
    ]
    items = today(*cases, capacity=1, officers={"B1": {"officer_id": "U7"}})
    assert [item["is_work_today"] for item in items] == [True, True, True]


def test_where_nobodys_day_is_known_nothing_is_held_back_and_the_list_says_so() -> None:
    day = WorkDay(WORK_DATE, False, {})
    (item,) = work_items(day, [case("B1", warning())], {"B1": WINDOW}, {}, {})
    assert (item["work_today_code"], item["is_work_today"]) == ("CAPACITY_UNKNOWN", True)


def test_only_warnings_without_a_due_revisit_plan_a_contact_of_their_own_the_dearest_first() -> None:
    cases = [
        case("B1", warning(points="1")),
        case("B2", warning(points="2")),
        case("B3", warning(points="3"), due=revisit()),
        case("B4", warning(points="4"), treatment=LOOK),
        case("B5", warning(points="5"), treatment=MESSAGE),
    ]
    planned = warning_calls(WORK_DATE, cases, "Asia/Shanghai")
    assert [(row["contact_id"], row["channel_code"], row["stated_purpose_code"]) for row in planned] == [
        ("B5", "SMS", "REMINDER"), ("B2", "PHONE", "REVISIT"), ("B1", "PHONE", "REVISIT"),
    ]  # fmt: skip
