"""One work item a borrower and work date, over warnings, collections and revisits; and which of them fit into the day.

Pure. A borrower who is both on the warning list and due for a revisit is one item with two tasks. What an officer was
assigned to, and what a machine sends, is worked today; the rest is taken by its lane's owner in the order of priority
until the capacity of the day is used up. Severity is never cut to fit capacity.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from scoring.alerts import CLOSED, SNOOZED
from scoring.lanes import Route, Treatment
from scoring.severity import SEVERITIES

WARNING, REVISIT = "WARNING", "REVISIT"
ITEM_COLUMNS = (
    "borrower_id", "work_date", "is_work_date_assumed", "branch_code", "tasks", "loan_ids", "lane_code", "lane_owner",
    "severity", "change", "risk_tier", "treatment_code", "work_code", "channel_code", "purpose_code",
    "respond_by_date", "is_escalated", "priority_points", "work_rank", "is_work_today", "work_today_code",
    "officer_id", "timezone",
    "window_start_at", "window_end_at", "local_from_time", "local_to_time", "blocked_rule_code", "currency",
    "past_due_amount", "oldest_unpaid_due_date", "next_due_date", "is_autodebit", "open_promise_date",
    "open_promise_amount", "masked_name", "product_codes", "language_code", "flag_codes", "last_contacts",
    "question_codes", "reason_text_zh", "reason_text_en",
)  # fmt: skip
OF_THE_BORROWER = (
    "timezone", "currency", "past_due_amount", "oldest_unpaid_due_date", "next_due_date", "is_autodebit",
    "open_promise_date", "open_promise_amount", "masked_name", "product_codes", "language_code", "last_contacts",
)  # fmt: skip
# what a revisit has to bring home; any talk with the borrower that records the three answers fulfils it
THREE_QUESTIONS = "FUND_USE,ABILITY_TO_PAY,DEFAULT_SIGNS"
WINDOW = ("window_start_at", "window_end_at", "local_from_time", "local_to_time")
# why an item is worked today, or is not
ASSIGNED, BY_MACHINE, IN_CAPACITY, CAPACITY_UNKNOWN = "ASSIGNED", "BY_MACHINE", "IN_CAPACITY", "CAPACITY_UNKNOWN"
WATCHED, CONTACT_BLOCKED, NO_CAPACITY, NO_OFFICER = "WATCHED", "CONTACT_BLOCKED", "NO_CAPACITY", "NO_OFFICER"
HANDLED = "HANDLED"  # every warning of the borrower is snoozed or closed by a person
TODAY = frozenset({ASSIGNED, BY_MACHINE, IN_CAPACITY, CAPACITY_UNKNOWN})
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A borrower with something to do: the warnings, the due revisit, and where it goes.

    warnings: rows of the warning list with their priority; revisit: the item of scoring/revisit_items.py or None.
    treatment: of the worst warning; None when there is none.
    """

    borrower_id: str
    route: Route
    treatment: Treatment | None
    warnings: tuple[Row, ...]
    revisit: Row | None
    facts: Mapping[str, Any]

    @property
    def worst(self) -> Row | None:
        return max(
            self.warnings, key=lambda row: (SEVERITIES.index(row["severity"]), row["priority_points"] or Decimal(-1)),
            default=None,
        )  # fmt: skip

    @property
    def is_handled(self) -> bool:
        """Somebody has snoozed or closed every warning, and none has become worse since."""
        return bool(self.warnings) and all(row["alert_status"] in (SNOOZED, CLOSED) for row in self.warnings)

    @property
    def points(self) -> Decimal | None:
        known = [row["priority_points"] for row in self.warnings if row["priority_points"] is not None]
        return sum(known, Decimal(0)) if known else None


@dataclass(frozen=True)
class WorkDay:
    """The day of the team: capacities by lane owner (None: no limit; no entry: nobody knows)."""

    date: date
    is_assumed: bool
    capacities: Mapping[str, int | None]


def work_items(
    day: WorkDay,
    cases: Iterable[Case],
    windows: Mapping[str, Mapping[str, Any]],
    blocked: Mapping[str, Mapping[str, Any]],
    officers: Mapping[str, Mapping[str, Any]],
) -> list[Row]:
    """Rows with ITEM_COLUMNS, by borrower.

    windows, blocked: what ``contact_rules`` said of the planned contacts, by borrower. officers: what ``assignment``
    said of the revisits, by borrower.
    """
    rows = [
        _row(day, case, windows.get(case.borrower_id), blocked.get(case.borrower_id), officers.get(case.borrower_id))
        for case in cases
    ]
    left = dict(day.capacities)
    ranks: dict[str, int] = {}
    for row in sorted(rows, key=_order):
        owner = row["lane_owner"]
        row["work_rank"] = ranks[owner] = ranks.get(owner, 0) + 1
        row["work_today_code"] = row["work_today_code"] or _within(owner, left)
        row["is_work_today"] = row["work_today_code"] in TODAY
    return sorted(rows, key=lambda row: str(row["borrower_id"]))


def _order(row: Row) -> tuple[Any, ...]:
    """What nobody took up in time, then by priority; then revisits without a warning, by due date; then by borrower."""
    points = row["priority_points"]
    return (
        not row["is_escalated"],
        points is None,
        -(points or Decimal(0)),
        row["respond_by_date"] or date.max,
        row["borrower_id"],
    )


def _within(owner: str, left: dict[str, int | None]) -> str:
    """Take one item from the owner's day."""
    if owner not in left:
        return CAPACITY_UNKNOWN
    capacity = left[owner]
    if capacity is None:
        return IN_CAPACITY
    if capacity <= 0:
        return NO_CAPACITY
    left[owner] = capacity - 1
    return IN_CAPACITY


def _row(
    day: WorkDay,
    case: Case,
    window: Mapping[str, Any] | None,
    blocked: Mapping[str, Any] | None,
    officer: Mapping[str, Any] | None,
) -> Row:
    worst, revisit, treatment = case.worst, case.revisit, case.treatment
    contact = window or blocked or {}
    loan_ids = {row["loan_id"] for row in case.warnings} | set(revisit["loan_ids"].split(",") if revisit else ())
    texts = [row for row in (worst, revisit) if row is not None]
    responses = [row["respond_by_date"] for row in case.warnings if row["respond_by_date"] is not None]
    return {
        "borrower_id": case.borrower_id,
        "work_date": day.date,
        "is_work_date_assumed": day.is_assumed,
        "branch_code": (worst or revisit or {})["branch_code"],
        "tasks": ",".join([REVISIT] * (revisit is not None) + [WARNING] * (worst is not None)),
        "loan_ids": ",".join(sorted(loan_ids)),
        "lane_code": case.route.lane,
        "lane_owner": case.route.owner,
        "severity": worst["severity"] if worst else None,
        "change": worst["change"] if worst else None,
        "risk_tier": case.facts.get("risk_tier") or (revisit["risk_tier"] if revisit else None),
        "treatment_code": treatment.code if treatment else None,
        "work_code": treatment.work if treatment else None,
        "channel_code": revisit["channel_code"] if revisit else treatment.channel if treatment else None,
        "purpose_code": contact.get("purpose_code"),
        "respond_by_date": min(responses, default=revisit["due_date"] if revisit else None),
        "priority_points": case.points,
        "is_escalated": any(row["is_escalated"] for row in case.warnings),
        "work_today_code": _decided(case, window, officer),
        "officer_id": officer["officer_id"] if officer else None,
        **{name: window[name] if window else None for name in WINDOW},
        "blocked_rule_code": blocked["blocked_rule_code"] if blocked else None,
        **{name: case.facts.get(name) for name in OF_THE_BORROWER},
        "flag_codes": ",".join(sorted(case.facts.get("fact_codes", ()))) or None,
        "question_codes": THREE_QUESTIONS if revisit is not None else None,
        "reason_text_zh": "；".join(row["reason_text_zh"] for row in texts),
        "reason_text_en": "; ".join(row["reason_text_en"] for row in texts),
    }  # fmt: skip


def _decided(case: Case, window: Mapping[str, Any] | None, officer: Mapping[str, Any] | None) -> str | None:
    """What is settled before capacity is looked at; None: it depends on the capacity of the lane's owner."""
    work = case.treatment.work if case.treatment else "NONE"
    is_due = case.revisit is not None
    settled = {
        ASSIGNED: officer is not None and officer["officer_id"] is not None,
        HANDLED: not is_due and case.is_handled,
        CONTACT_BLOCKED: window is None and work != "DESK" and (is_due or work != "NONE"),
        BY_MACHINE: work in ("NONE", "MACHINE") and (_is_self_service(case) or work == "MACHINE"),
        NO_OFFICER: is_due and work == "NONE",
        WATCHED: not is_due and work == "NONE",
    }
    return next((code for code, holds in settled.items() if holds), None)


def _is_self_service(case: Case) -> bool:
    return case.revisit is not None and bool(case.revisit["channel_layer"] == "SELF_SERVICE")
