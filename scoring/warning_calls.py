"""The contacts that warnings ask for, of borrowers of whom no revisit is due: the same contact rules judge them.

Pure. Sorted by priority: that is the order in which caps over all purposes are used up.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from scoring.revisit_items import OWN_LENDER
from scoring.work_items import Case

PURPOSES = {"CONTACT": "REVISIT", "MACHINE": "REMINDER"}  # while nothing is past due; else the rules make it COLLECTION


def warning_calls(work_date: date, cases: Iterable[Case], lender_zone: str) -> list[dict[str, Any]]:
    """One planned contact a borrower whose treatment contacts somebody: PLANNED_COLUMNS and what suppressions show."""
    called = [
        case
        for case in cases
        if case.revisit is None
        and not case.is_handled
        and case.treatment is not None
        and case.treatment.work in PURPOSES
    ]
    called.sort(key=lambda case: (case.points is None, -(case.points or Decimal(0)), case.borrower_id))
    return [_planned(work_date, case, lender_zone) for case in called]


def _planned(work_date: date, case: Case, lender_zone: str) -> dict[str, Any]:
    facts, loan_ids = case.facts, sorted(row["loan_id"] for row in case.warnings)
    oldest = facts.get("oldest_unpaid_due_date")
    assert case.treatment is not None and case.worst is not None
    return {
        "item_id": case.borrower_id,
        "contact_id": case.borrower_id,
        "borrower_id": case.borrower_id,
        "work_date": work_date,
        "contact_date": work_date,
        "planned_at": None,
        "branch_code": case.worst["branch_code"],
        "loan_id": loan_ids[0] if len(loan_ids) == 1 else None,
        "loan_ids": ",".join(loan_ids),
        "channel_code": case.treatment.channel,
        "stated_purpose_code": PURPOSES[case.treatment.work],
        "party_code": "SELF",
        "entity_code": OWN_LENDER,
        "has_agreed_to_hours": False,
        "has_third_party_consent": False,
        "phone_token": facts.get("mobile_phone_token"),
        "timezone": facts.get("timezone") or lender_zone,
        "days_past_due": 0 if oldest is None else (work_date - oldest).days,
        "failed_attempt_count": facts.get("failed_attempt_count") or 0,
        "due_date": case.worst["respond_by_date"],
    }
