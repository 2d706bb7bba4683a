"""One work item a borrower, and the day on which it is worked."""

from datetime import date, timedelta

import pandas as pd
import pytest

from include.jobs.work_date import work_date_after
from scoring.revisit_items import Items, revisit_items
from tests.support.revisit_story import POLICY, START, invited, loan, plan

NO_FACTS = pd.DataFrame(columns=["borrower_id"])


@pytest.mark.parametrize(
    ("business_date", "work_date", "last_due", "is_assumed"),
    [
        pytest.param("2026-01-05", "2026-01-06", "2026-01-06", False, id="the day after"),
        pytest.param("2026-01-08", "2026-01-09", "2026-01-11", False, id="on Friday also what the weekend brings"),
        pytest.param("2026-01-10", "2026-01-12", "2026-01-12", False, id="a Saturday works for Monday"),
        pytest.param("2026-02-13", "2026-02-14", "2026-02-23", False, id="a make-up Saturday before the festival"),
        pytest.param("2026-02-14", "2026-02-24", "2026-02-24", False, id="the festival is not worked"),
        pytest.param("2031-01-03", "2031-01-06", "2031-01-06", True, id="beyond the calendar weekdays are assumed"),
    ],
)
def test_the_lists_are_for_the_next_working_day(
    business_date: str, work_date: str, last_due: str, is_assumed: bool
) -> None:
    found = work_date_after(date.fromisoformat(business_date))
    assert (str(found.day), str(found.last_due), found.is_assumed) == (work_date, last_due, is_assumed)


def items(loans: list[dict[str, object]], borrowers: pd.DataFrame = NO_FACTS) -> Items:
    due, _ = plan(START, loans)
    return revisit_items(START, due.assign(branch_code="B01"), borrowers, NO_FACTS, POLICY, "Asia/Shanghai")


def test_three_loans_of_a_borrower_are_one_item_by_the_strongest_channel_and_the_earliest_date() -> None:
    three = [
        loan(loan_id="L3", risk_tier="HIGH"),
        loan(loan_id="L1", disbursement_date=START - timedelta(days=5), risk_tier="LOW"),
        loan(loan_id="L2", risk_tier="LOW", borrower_id="B2"),
        loan(loan_id="L4", risk_tier="LOW"),
    ]
    first, second = items(three).rows
    assert (first["borrower_id"], first["loan_ids"], first["channel_code"], first["risk_tier"]) == (
        "B1", "L1,L3,L4", "PHONE", "HIGH",
    )  # fmt: skip
    assert first["loan_id"] is None  # counts against the caps of each of them
    assert first["due_date"] == min(plan(START, three)[0].due_date)
    assert (second["loan_ids"], second["loan_id"], second["channel_layer"]) == ("L2", "L2", "SELF_SERVICE")


def test_a_borrower_past_due_is_planned_as_such_and_hardship_asks_for_the_skill() -> None:
    facts = {
        "borrower_id": "B1", "timezone": "Asia/Urumqi", "region_code": "N", "preferred_language_code": "zh-CN",
        "mobile_phone_token": "T1", "failed_attempt_count": 2, "oldest_unpaid_due_date": START - timedelta(days=4),
        "is_hardship": True,
    }  # fmt: skip
    (row,) = items([loan()], pd.DataFrame([facts], dtype=object)).rows
    assert (row["days_past_due"], row["timezone"], row["phone_token"]) == (4, "Asia/Urumqi", "T1")
    assert row["fact_codes"] == "AMOUNT_SMALL;HARDSHIP"


def test_an_item_of_whom_nothing_is_known_is_planned_by_the_lenders_clock() -> None:
    (row,) = items([loan()]).rows
    assert (row["timezone"], row["days_past_due"], row["previous_officer_id"]) == ("Asia/Shanghai", 0, None)


def test_an_unanswered_invitation_makes_the_item_a_call() -> None:
    due, _ = plan(START + timedelta(days=9), [loan()], [invited(START + timedelta(days=1))])
    assert list(due.least_channel_code) == ["PHONE"]
