"""What people do about a warning, until when it holds, and what happens to one that nobody takes up."""

from datetime import date, timedelta
from typing import Any

import pytest

from scoring.alerts import Handled, alert_of, is_escalated

TODAY = date(2026, 1, 8)
WORK_DATE = date(2026, 1, 9)
LISTED_ON = date(2026, 1, 5)
BEFORE = {"attention_since_date": LISTED_ON}


def listed(severity: str = "ORANGE", change: str = "SAME") -> dict[str, Any]:
    return {"loan_id": "L1", "severity": severity, "change": change}


def did(action: str, on: date = date(2026, 1, 6), until: date | None = None) -> Handled:
    row = {
        "loan_id": "L1", "action_code": action, "disposition_code": "FALSE_ALARM" if action == "CLOSE" else None,
        "until_date": until, "actor": "王", "action_date": on,
    }  # fmt: skip
    return Handled.of([row], [])


def status(row: dict[str, Any], handled: Handled, before: dict[str, Any] | None = BEFORE) -> str:
    return str(alert_of(TODAY, WORK_DATE, row, before, handled)["alert_status"])


@pytest.mark.parametrize(
    ("row", "handled", "expected"),
    [
        pytest.param(listed(), Handled(), "OPEN", id="nobody has done anything"),
        pytest.param(listed(), did("ACKNOWLEDGE"), "ACKNOWLEDGED", id="somebody has taken it up"),
        pytest.param(listed(), did("WORK"), "WORKED", id="somebody has worked it"),
        pytest.param(listed(), did("CLOSE"), "CLOSED", id="somebody has closed it"),
        pytest.param(listed(change="UP"), did("CLOSE"), "OPEN", id="it has become worse since"),
        pytest.param(listed(change="DOWN"), did("CLOSE"), "CLOSED", id="it has become milder since"),
        pytest.param(
            listed(), did("CLOSE", on=LISTED_ON), "OPEN", id="what was done before it was listed is no answer"
        ),
        pytest.param(listed(), did("SNOOZE", until=WORK_DATE), "SNOOZED", id="snoozed up to the work date"),
        pytest.param(listed(), did("SNOOZE", until=TODAY), "OPEN", id="the snooze is over on the work date"),
        pytest.param(listed("RED"), did("SNOOZE", until=WORK_DATE), "OPEN", id="red is never snoozed"),
    ],
)
def test_an_action_holds_until_the_warning_needs_attention_again(row: dict, handled: Handled, expected: str) -> None:
    assert status(row, handled) == expected


def test_a_closed_warning_that_became_worse_needs_attention_since_that_day() -> None:
    assert alert_of(TODAY, WORK_DATE, listed(change="UP"), BEFORE, Handled())["attention_since_date"] == TODAY
    assert alert_of(TODAY, WORK_DATE, listed(), BEFORE, Handled())["attention_since_date"] == LISTED_ON


@pytest.mark.parametrize(
    ("severity", "alert_status", "respond_by", "expected"),
    [
        pytest.param("RED", "OPEN", TODAY, True, id="red, nobody took it up, and the day has passed"),
        pytest.param("RED", "OPEN", WORK_DATE, False, id="the day has not passed"),
        pytest.param("RED", "ACKNOWLEDGED", TODAY, False, id="somebody has taken it up"),
        pytest.param("ORANGE", "OPEN", TODAY, False, id="orange does not escalate"),
        pytest.param("RED_CRITICAL", "OPEN", None, False, id="nobody had to respond"),
    ],
)
def test_a_red_warning_that_nobody_takes_up_escalates_at_its_day(
    severity: str, alert_status: str, respond_by: date | None, expected: bool
) -> None:
    row = {"severity": severity, "alert_status": alert_status, "respond_by_date": respond_by}
    assert is_escalated(WORK_DATE, row) is expected


def overruled(value: str, approved_by: str | None, field: str = "SEVERITY") -> dict[str, Any]:
    row = {"loan_id": "L1", "field_code": field, "value": value, "made_by": "王", "approved_by": approved_by}
    return alert_of(TODAY, WORK_DATE, listed(), BEFORE, Handled.of([], [row]))


def test_a_person_may_raise_a_severity_alone_and_lower_it_with_a_second_person_only() -> None:
    assert overruled("RED", None)["override_severity"] == "RED"
    assert overruled("YELLOW", None)["override_severity"] is None
    assert (overruled("YELLOW", "李")["override_severity"], overruled("YELLOW", "李")["overridden_by"]) == (
        "YELLOW",
        "王",
    )


def test_a_person_may_choose_the_treatment() -> None:
    assert overruled("LEGAL_REVIEW", None, "TREATMENT")["override_treatment_code"] == "LEGAL_REVIEW"


def test_of_two_actions_the_later_one_holds() -> None:
    first, second = did("CLOSE").actions["L1"], did("ACKNOWLEDGE", on=TODAY - timedelta(days=1)).actions["L1"]
    assert status(listed(), Handled.of([first, second], [])) == "ACKNOWLEDGED"
