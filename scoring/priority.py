"""In which order warnings are worked while nobody has measured what working them changes.

priority = exposure x rate of rolling x reachability x urgency. Exposure is what is past due, or, where nothing is, what
is outstanding; it is counted in units of the currency's lowest amount band edge, so that loans of several currencies
stand in one order. The parts come from the policy ``priority_factor`` and are shown beside the product, which is
labelled HEURISTIC: an order, not a probability and not an amount of money.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from scoring.bands import Bands
from scoring.policy_rows import PolicyError, PolicyRow, valid_on

HEURISTIC, NO_CURRENCY_POLICY = "HEURISTIC", "NO_CURRENCY_POLICY"
REACHED_DAYS = 30  # "spoken with lately"
PARTS = (
    "priority_points", "priority_exposure_amount", "priority_roll_rate", "priority_reach_factor",
    "priority_urgency_factor", "priority_status",
)  # fmt: skip
_FOUR = Decimal("0.0001")


@dataclass(frozen=True)
class PriorityPolicy:
    factors: Mapping[tuple[str, str, str], Decimal]
    units: Mapping[str, Decimal]  # by currency

    def factor(self, factor_code: str, fact_code: str, fact_value: str) -> Decimal:
        try:
            return self.factors[factor_code, fact_code, fact_value]
        except KeyError:
            raise PolicyError(f"priority_factor: {factor_code} has no row for {fact_code} {fact_value}") from None


def priority_policy(day: date, rows: Iterable[PolicyRow], bands: Bands) -> PriorityPolicy:
    factors = {
        (row["factor_code"], row["fact_code"], row["fact_value"]): Decimal(row["factor"]) for row in valid_on(rows, day)
    }
    units = {
        currency: next((start for start, _ in edges if start > 0), None) for currency, edges in bands.amounts.items()
    }
    return PriorityPolicy(factors, {currency: unit for currency, unit in units.items() if unit is not None})


def priority(
    work_date: date, listed: Mapping[str, Any], borrower: Mapping[str, Any], policy: PriorityPolicy
) -> dict[str, Any]:
    """PARTS of one warning.

    listed: severity, change, delinquency_bucket, currency, past_due_amount, principal_outstanding_amount,
        predicted_rate (of a score that is valid for the loan, else None), respond_by_date.
    borrower: last_right_party_contact_date, failed_attempt_count, open_promise_date; empty when nothing is known.
    A currency without policy has no points and stands last.
    """
    owed = listed["past_due_amount"]
    exposure = owed if owed > 0 else listed["principal_outstanding_amount"]
    roll = listed["predicted_rate"]
    if roll is None:
        by_severity = policy.factor("ROLL", "SEVERITY", listed["severity"])
        roll = max(by_severity, policy.factor("ROLL", "BUCKET", listed["delinquency_bucket"]))
    reach = policy.factor("REACH", "CONTACT", _contact(work_date, borrower))
    urgency = policy.factor("URGENCY", "CHANGE", listed["change"])
    if borrower.get("open_promise_date") is not None and borrower["open_promise_date"] >= work_date:
        urgency *= policy.factor("URGENCY", "WAIT", "OPEN_PROMISE")
    is_past = listed["respond_by_date"] is not None and listed["respond_by_date"] < work_date
    if is_past and listed.get("alert_status") in (None, "OPEN", "ACKNOWLEDGED"):
        urgency *= policy.factor("URGENCY", "WAIT", "PAST_RESPONSE")
    unit = policy.units.get(listed["currency"])
    points = None if unit is None else _rounded(exposure / unit * roll * reach * urgency * 1000)
    return {
        "priority_points": points,
        "priority_exposure_amount": exposure,
        "priority_roll_rate": _rounded(roll),
        "priority_reach_factor": _rounded(reach),
        "priority_urgency_factor": _rounded(urgency),
        "priority_status": NO_CURRENCY_POLICY if points is None else HEURISTIC,
    }


def _contact(work_date: date, borrower: Mapping[str, Any]) -> str:
    if (borrower.get("failed_attempt_count") or 0) > 0:
        return "TRIED_IN_VAIN"
    last = borrower.get("last_right_party_contact_date")
    is_lately = last is not None and last >= work_date - timedelta(days=REACHED_DAYS)
    return "REACHED_LATELY" if is_lately else "NEVER_TRIED"


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_FOUR, rounding=ROUND_HALF_UP)
