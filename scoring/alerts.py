"""What people have done about a warning, and where a named person overrules it.

Pure. An action holds until the warning needs attention again: it was listed, came back or became worse on or after the
day of the action. RED and worse are never snoozed. An override lasts until its date; the computed severity stays beside
it. Lowering a severity needs two people: an override that lowers without an approval does not hold.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from scoring.severity import SEVERITIES

OPEN, ACKNOWLEDGED, SNOOZED, WORKED, CLOSED = "OPEN", "ACKNOWLEDGED", "SNOOZED", "WORKED", "CLOSED"
STATUS_AFTER = {"ACKNOWLEDGE": ACKNOWLEDGED, "SNOOZE": SNOOZED, "WORK": WORKED, "CLOSE": CLOSED}
WORSE = frozenset({"NEW", "UP", "REOPENED"})
ALERT_COLUMNS = (
    "attention_since_date", "alert_status", "alert_actor", "alert_until_date", "disposition_code", "override_severity",
    "override_treatment_code", "overridden_by",
)  # fmt: skip
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Handled:
    """What the run's day knew, by loan: the last action, and the last override of each field that has not expired.

    actions: loan_id, action_code, disposition_code, until_date, actor, action_date (on the lender's calendar).
    overrides: loan_id, field_code, value, made_by, approved_by.
    """

    actions: Mapping[str, Row] = field(default_factory=dict)
    overrides: Mapping[tuple[str, str], Row] = field(default_factory=dict)

    @classmethod
    def of(cls, actions: Iterable[Row], overrides: Iterable[Row]) -> "Handled":
        """Rows in the order in which they were recorded: a later one takes the place of an earlier one."""
        return cls(
            {row["loan_id"]: row for row in actions}, {(row["loan_id"], row["field_code"]): row for row in overrides}
        )


def alert_of(business_date: date, work_date: date, listed: Row, before: Row | None, handled: Handled) -> dict[str, Any]:
    """ALERT_COLUMNS of one warning. before: the loan's row on the base's list."""
    since = business_date if before is None or listed["change"] in WORSE else before["attention_since_date"]
    since = since or business_date
    found: dict[str, Any] = dict.fromkeys(ALERT_COLUMNS)
    found |= {"attention_since_date": since, "alert_status": OPEN}
    action = handled.actions.get(listed["loan_id"])
    if action is not None and action["action_date"] > since and not _has_ended(action, work_date, listed["severity"]):
        found |= {
            "alert_status": STATUS_AFTER[action["action_code"]],
            "alert_actor": action["actor"],
            "alert_until_date": action["until_date"],
            "disposition_code": action["disposition_code"],
        }
    severity = handled.overrides.get((listed["loan_id"], "SEVERITY"))
    treatment = handled.overrides.get((listed["loan_id"], "TREATMENT"))
    if severity is not None and _may_hold(severity, listed["severity"]):
        found |= {"override_severity": severity["value"], "overridden_by": severity["made_by"]}
    if treatment is not None:
        found |= {"override_treatment_code": treatment["value"], "overridden_by": treatment["made_by"]}
    return found


def is_lowering(severity: str, value: str) -> bool:
    return SEVERITIES.index(value) < SEVERITIES.index(severity)


def may_be_snoozed(severity: str) -> bool:
    return SEVERITIES.index(severity) < SEVERITIES.index("RED")


def is_escalated(work_date: date, listed: Row) -> bool:
    """RED or worse, nobody has taken it up, and the day to respond by has passed."""
    respond_by = listed["respond_by_date"]
    is_late = respond_by is not None and respond_by < work_date
    return is_late and listed["alert_status"] == OPEN and not may_be_snoozed(listed["severity"])


def _has_ended(action: Row, work_date: date, severity: str) -> bool:
    is_over = action["until_date"] is not None and action["until_date"] < work_date
    return action["action_code"] == "SNOOZE" and (is_over or not may_be_snoozed(severity))


def _may_hold(override: Row, severity: str) -> bool:
    return override["approved_by"] is not None or not is_lowering(severity, override["value"])
