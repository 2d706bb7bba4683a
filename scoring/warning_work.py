"""What is to be done about a warning: lane, owner, treatment, the day to respond by, and the priority with its parts.

Pure and chained: the day to respond by stays as it was on the base's list while treatment stays and the warning has not
become worse.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from scoring.alerts import WORSE, Handled, alert_of, is_escalated
from scoring.lanes import NO_LIVE_LOAN, LanePolicy, Route, Treatment
from scoring.priority import PriorityPolicy, priority
from scoring.severity import SEVERITIES

Row = dict[str, Any]


def borrower_route(business_date: date, borrower: Mapping[str, Any], policy: LanePolicy) -> Route:
    """The lane of a borrower.

    borrower: live_loan_count, oldest_unpaid_due_date over live loans, fact_codes (see ``scoring.lanes.FACTS``).
    """
    facts = frozenset(borrower["fact_codes"]) | ({NO_LIVE_LOAN} if borrower["live_loan_count"] == 0 else set())
    oldest = borrower["oldest_unpaid_due_date"]
    return policy.route(facts, 0 if oldest is None else (business_date - oldest).days)


def warnings_with_work(
    listed: Sequence[Mapping[str, Any]],
    base_list: Mapping[str, Mapping[str, Any]],
    borrowers: Mapping[str, Mapping[str, Any]],
    routes: Mapping[str, Route],
    predicted_rates: Mapping[str, Any],
    business_date: date,
    workdays: Sequence[date],
    handled: Handled,
    lanes: LanePolicy,
    priorities: PriorityPolicy,
) -> tuple[list[Row], dict[str, Treatment]]:
    """The warnings with their lane, treatment, day to respond by, what people did about them and the parts of the
    priority; and the treatment of every borrower among them, which is that of the worst loan.

    base_list: treatment_code, respond_by_date and attention_since_date of the base publication, by loan_id. borrowers:
    by borrower_id, what ``priority`` reads. routes: by borrower_id. predicted_rates: by loan_id, of valid scores.
    workdays: the work date and the working days after it.
    """
    alerts = {
        row["loan_id"]: alert_of(business_date, workdays[0], row, base_list.get(row["loan_id"]), handled)
        for row in listed
    }
    treatments = _treatments(listed, alerts, routes, lanes)
    rows = []
    for row in listed:
        route, treatment = routes[row["borrower_id"]], treatments[row["borrower_id"]]
        worked = dict(row) | alerts[row["loan_id"]]
        worked |= {
            "lane_code": route.lane,
            "lane_owner": route.owner,
            "treatment_code": treatment.code,
            "respond_by_date": _respond_by(row, base_list.get(row["loan_id"]), treatment, workdays),
        }
        worked["is_escalated"] = is_escalated(workdays[0], worked)
        facts = worked | {"predicted_rate": predicted_rates.get(row["loan_id"])}
        rows.append(worked | priority(workdays[0], facts, borrowers.get(row["borrower_id"], {}), priorities))
    return rows, treatments


def _treatments(
    listed: Sequence[Mapping[str, Any]],
    alerts: Mapping[str, Mapping[str, Any]],
    routes: Mapping[str, Route],
    lanes: LanePolicy,
) -> dict[str, Treatment]:
    """By borrower: what a person chose, else what policy says of the worst severity, as overruled by people."""
    worst: dict[str, str] = {}
    chosen: dict[str, str] = {}
    for row in listed:
        borrower_id, alert = row["borrower_id"], alerts[row["loan_id"]]
        severity = alert["override_severity"] or row["severity"]
        worst[borrower_id] = max(worst.get(borrower_id, severity), severity, key=SEVERITIES.index)
        if alert["override_treatment_code"]:
            chosen[borrower_id] = alert["override_treatment_code"]
    by_code = {treatment.code: treatment for treatment in lanes.treatments.values()}
    return {
        borrower_id: by_code.get(chosen.get(borrower_id, ""), lanes.treatments[routes[borrower_id].lane, severity])
        for borrower_id, severity in worst.items()
    }


def _respond_by(
    row: Mapping[str, Any], before: Mapping[str, Any] | None, treatment: Treatment, workdays: Sequence[date]
) -> date | None:
    if treatment.respond_within_days is None:
        return None
    if before is not None and row["change"] not in WORSE and before["treatment_code"] == treatment.code:
        known: date | None = before["respond_by_date"]
        return known or workdays[treatment.respond_within_days - 1]
    return workdays[treatment.respond_within_days - 1]
