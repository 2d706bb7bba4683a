"""From due revisits of loans to one work item a borrower: what is planned, what is assigned, what the lists show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from scoring.assignment import ITEM_COLUMNS
from scoring.contact_rules import PLANNED_COLUMNS
from scoring.revisit_policy import PRE_DUE_REMINDER, RevisitPolicy
from scoring.risk_tier import TIERS

ASSIGNMENT_COLUMNS = (
    "borrower_id", "work_date", "is_work_date_assumed", "branch_code", "loan_ids", "revisit_ids", "revisit_type",
    "channel_code", "channel_layer", "purpose_code", "risk_tier", "due_date", "attempt_count", "slot_code",
    "officer_id", "assignment_code", "waiting_days", "unserved_price", "assignment_price", "timezone",
    "window_start_at", "window_end_at", "local_from_time", "local_to_time", "remaining_dial_count",
    "remaining_conversation_count",
    "contact_rule_codes", "reason_text_zh", "reason_text_en",
)  # fmt: skip
SUPPRESSION_COLUMNS = (
    "borrower_id", "work_date", "branch_code", "loan_ids", "channel_code", "purpose_code", "due_date",
    "blocked_rule_code", "next_allowed_date", "reason_text_zh", "reason_text_en",
)  # fmt: skip
SHOWN_OF_ITEM = (
    "borrower_id", "work_date", "branch_code", "loan_ids", "revisit_ids", "revisit_type", "channel_code",
    "channel_layer", "risk_tier", "due_date", "attempt_count", "slot_code", "timezone",
)  # fmt: skip
SHOWN_OF_WINDOW = (
    "purpose_code", "window_start_at", "window_end_at", "local_from_time", "local_to_time", "remaining_dial_count",
    "remaining_conversation_count",
)  # fmt: skip
SHOWN_OF_ASSIGNMENT = ("officer_id", "assignment_code", "waiting_days", "unserved_price", "assignment_price")
OWN_LENDER = "OWN_LENDER"
Row = dict[str, Any]


@dataclass(frozen=True)
class Items:
    """One row a borrower, the most at risk first: that is the order in which caps are used up."""

    rows: Sequence[Row]

    @property
    def planned(self) -> pd.DataFrame:
        """The contacts that the items ask for, as ``contact_rules`` takes them."""
        return pd.DataFrame(list(self.rows), columns=list(PLANNED_COLUMNS), dtype=object)

    def to_assign(self, allowed: pd.DataFrame) -> pd.DataFrame:
        """The items whose contact is allowed, as ``assignment`` takes them."""
        purposes = dict(zip(allowed["contact_id"], allowed["purpose_code"], strict=True))
        rows = [row | {"purpose_code": purposes[row["item_id"]]} for row in self.rows if row["item_id"] in purposes]
        return pd.DataFrame(rows, columns=list(ITEM_COLUMNS), dtype=object)

    def assignment_rows(self, allowed: pd.DataFrame, assigned: pd.DataFrame, *, is_assumed: bool) -> list[Row]:
        """The list of assignments, by borrower: each item with its window and its officer."""
        window_of = {row["contact_id"]: row for row in allowed.to_dict("records")}
        officer_of = {row["item_id"]: row for row in assigned.to_dict("records")}
        return [
            {name: row[name] for name in SHOWN_OF_ITEM}
            | {name: window_of[row["item_id"]][name] for name in SHOWN_OF_WINDOW}
            | {name: officer_of[row["item_id"]][name] for name in SHOWN_OF_ASSIGNMENT}
            | {
                "is_work_date_assumed": is_assumed,
                "contact_rule_codes": window_of[row["item_id"]]["rule_codes"],
                "reason_text_zh": f"{row['reason_text_zh']}；{officer_of[row['item_id']]['reason_text_zh']}",
                "reason_text_en": f"{row['reason_text_en']}; {officer_of[row['item_id']]['reason_text_en']}",
            }
            for row in sorted(self.rows, key=lambda row: str(row["item_id"]))
            if row["item_id"] in window_of
        ]

    def suppression_rows(self, suppressed: pd.DataFrame) -> list[Row]:
        """The list of what may not be contacted, by borrower."""
        item_of = {row["item_id"]: row for row in self.rows}
        return [
            {**{name: item_of[row["contact_id"]].get(name) for name in SUPPRESSION_COLUMNS}}
            | {name: row[name] for name in SUPPRESSION_COLUMNS if name in row}
            for row in ({str(name): value for name, value in one.items()} for one in suppressed.to_dict("records"))
        ]


def revisit_items(
    work_date: date,
    due: pd.DataFrame,
    borrowers: pd.DataFrame,
    former: pd.DataFrame,
    policy: RevisitPolicy,
    lender_zone: str,
    called: Mapping[str, str] | None = None,
) -> Items:
    """One item for every borrower of whom a revisit is due.

    due: rows of the plan with ``branch_code``.
    borrowers: borrower_id, timezone, region_code, preferred_language_code, mobile_phone_token, failed_attempt_count,
        oldest_unpaid_due_date, is_hardship; a borrower without a row is one of whom nothing is known.
    former: borrower_id, previous_officer_id, holder_officer_id, held_layer.
    called: the channel by borrower through which a warning has them contacted anyway: one contact serves both.
    """
    facts_of = {row["borrower_id"]: row for row in borrowers.to_dict("records")}
    former_of = {row["borrower_id"]: row for row in former.to_dict("records")}
    plans: dict[str, list[Row]] = {}
    for row in due.to_dict("records"):
        plans.setdefault(row["borrower_id"], []).append({str(name): value for name, value in row.items()})
    rows = [
        _item(
            work_date,
            of_borrower,
            facts_of.get(borrower_id, {}),
            former_of.get(borrower_id, {}),
            policy,
            lender_zone,
            (called or {}).get(borrower_id),
        )
        for borrower_id, of_borrower in plans.items()
    ]
    return Items(sorted(rows, key=lambda row: (-TIERS.index(row["risk_tier"]), row["due_date"], row["item_id"])))


def _item(
    work_date: date,
    plans: list[Row],
    facts: Mapping[Any, Any],
    former: Mapping[Any, Any],
    policy: RevisitPolicy,
    lender_zone: str,
    called_by: str | None,
) -> Row:
    plans = sorted(plans, key=lambda plan: (plan["next_attempt_date"], plan["due_date"], plan["loan_id"]))
    lead = plans[0]
    channel = policy.strongest(*(plan["least_channel_code"] for plan in plans), *([called_by] if called_by else ()))
    layer = policy.layer(channel)
    oldest = facts.get("oldest_unpaid_due_date")
    codes = {f"AMOUNT_{plan['amount_band']}" for plan in plans}
    codes |= {"HARDSHIP"} if facts.get("is_hardship") else set()
    loan_ids = sorted(plan["loan_id"] for plan in plans)
    borrower_id = lead["borrower_id"]
    return {
        "item_id": borrower_id,
        "contact_id": borrower_id,
        "borrower_id": borrower_id,
        "work_date": work_date,
        "contact_date": work_date,
        "planned_at": None,
        "branch_code": lead["branch_code"],
        # about several loans at once: counts for each of them
        "loan_id": loan_ids[0] if len(loan_ids) == 1 else None,
        "loan_ids": ",".join(loan_ids),
        "revisit_ids": ",".join(sorted(plan["revisit_id"] for plan in plans)),
        "revisit_type": lead["revisit_type"],
        "channel_code": channel,
        "channel_layer": layer,
        "stated_purpose_code": "REMINDER" if lead["revisit_type"] == PRE_DUE_REMINDER else "REVISIT",
        "party_code": "SELF",
        "entity_code": OWN_LENDER,
        "has_agreed_to_hours": False,  # no source delivers such an agreement
        "has_third_party_consent": False,
        "phone_token": facts.get("mobile_phone_token"),
        "timezone": facts.get("timezone") or lender_zone,
        "days_past_due": 0 if oldest is None else (work_date - oldest).days,
        "failed_attempt_count": facts.get("failed_attempt_count") or 0,
        "region_code": facts.get("region_code"),
        "language_code": facts.get("preferred_language_code"),
        "fact_codes": ";".join(sorted(codes)) or None,
        "risk_tier": max((plan["risk_tier"] for plan in plans), key=TIERS.index),
        "due_date": min(plan["due_date"] for plan in plans),
        "is_hard_due": any(policy.is_hard_due(plan["trigger_code"]) for plan in plans),
        "attempt_count": max(plan["attempt_count"] for plan in plans),
        "slot_code": lead["slot_code"],
        "previous_officer_id": former.get("previous_officer_id"),
        "holder_officer_id": former.get("holder_officer_id") if former.get("held_layer") == layer else None,
        "reason_text_zh": "；".join(dict.fromkeys(plan["reason_text_zh"] for plan in plans)),
        "reason_text_en": "; ".join(dict.fromkeys(plan["reason_text_en"] for plan in plans)),
    }
