"""A loan, its contacts and the policy that ships, to tell what the revisit plan says on a day."""

from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from include.policy import policy_records
from scoring.bands import bands
from scoring.revisit_contacts import CONTACT_COLUMNS
from scoring.revisit_policy import RevisitPolicy, revisit_policy
from scoring.revisit_spread import Spread
from scoring.revisits import LOAN_COLUMNS, PLAN_COLUMNS, plan_revisits

NAMES = (
    "revisit_cadence", "revisit_short_term", "revisit_trigger", "revisit_retry", "revisit_exemption",
    "revisit_parameter", "contact_channel",
)  # fmt: skip
START = date(2026, 1, 5)  # a Monday
WORKDAYS = [day for day in (START + timedelta(days=step) for step in range(-60, 400)) if day.weekday() < 5]


def policy(day: date = START, cadences: list[dict[str, str]] | None = None) -> RevisitPolicy:
    rows = {name: policy_records(name) for name in NAMES}
    if cadences is not None:
        rows["revisit_cadence"] = cadences
    return revisit_policy(day, bands(day, policy_records("amount_band"), policy_records("term_band")), rows)


POLICY = policy()


def loan(**changes: object) -> dict[str, object]:
    row = {
        "loan_id": "L1", "borrower_id": "B1", "currency": "CNY", "principal_amount": Decimal("50000.00"),
        "disbursement_date": START, "first_due_date": START + timedelta(days=31),
        "final_due_date": START + timedelta(days=365), "oldest_unpaid_due_date": None, "risk_tier": "LOW",
        "severity": None, "severity_change": None, "exemption_code": None,
    }  # fmt: skip
    return row | changes


def contact(on: date, channel: str = "PHONE", **changes: object) -> dict[str, object]:
    """By default a conversation in which the borrower gave the three answers and all is well."""
    row = {
        "borrower_id": "B1", "loan_id": None, "contact_date": on, "channel_code": channel, "is_right_party": True,
        "is_failed_attempt": False, "is_invitation": False, "fund_use_answer_code": "AS_AGREED",
        "ability_answer_code": "UNCHANGED", "default_sign_answer_code": "NONE", "is_hardship_claimed": False,
    }  # fmt: skip
    return row | changes


NO_ANSWERS = {"fund_use_answer_code": None, "ability_answer_code": None, "default_sign_answer_code": None}


def failed(on: date, channel: str = "PHONE") -> dict[str, object]:
    return contact(on, channel, is_right_party=False, is_failed_attempt=True, **NO_ANSWERS)


def invited(on: date) -> dict[str, object]:
    return contact(on, "APP", is_right_party=False, is_invitation=True, **NO_ANSWERS)


def plan(
    day: date,
    loans: list[dict[str, object]],
    contacts: list[dict[str, object]] | None = None,
    base: pd.DataFrame | None = None,
    *,
    spread: Spread | None = None,
    rules: RevisitPolicy = POLICY,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    known = [row for row in contacts or [] if row["contact_date"] <= day]
    return plan_revisits(
        day,
        pd.DataFrame(loans, columns=list(LOAN_COLUMNS), dtype=object),
        pd.DataFrame(known, columns=list(CONTACT_COLUMNS), dtype=object),
        pd.DataFrame(columns=list(PLAN_COLUMNS), dtype=object) if base is None else base,
        spread or Spread(WORKDAYS, {}, {}),
        rules,
    )
