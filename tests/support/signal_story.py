"""A signal's case in plain words, told as the deliveries of a lender: one borrower and one loan a case.

Every case is looked at on TODAY. Dates are told from there: ``40 days ago``, ``today``, ``in 3 days``. Unless it says
otherwise the loan was paid out 400 days ago, has paid everything so far, and is next due in 20 days. Where there was an
``earlier_loan`` it was paid out 800 days ago and closed on the day that the case says.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.support.delivered_rows import Row, contract_of, deliver, delivered

CASES_DIR = Path(__file__).resolve().parents[1] / "cases" / "signals"
TODAY = date(2026, 3, 10)
DEFAULTS = {
    "account_transaction": {"movement_code": "OTHER"},
    "bureau_report": {"bureau_code": "PBOC", "consent_id": "CONSENT-1", "inquiry_purpose_code": "POST_LOAN"},
}
PULLS = {"first": 1, "second": 2}
SAYS_WHEN = re.compile(r"(?:(\d+) days? ago|in (\d+) days?|today)")


def load_cases() -> list[dict[str, Any]]:
    cases = []
    for path in sorted(CASES_DIR.glob("*.yml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            cases.append({"signal": path.stem, **case, "number": len(cases) + 1})
    return cases


def loan_of(case: Mapping[str, Any]) -> str:
    return f"L{case['number']:03d}"


def write_deliveries(landing: Path, cases: list[dict[str, Any]]) -> None:
    """One delivery of TODAY a system, with the rows of every case."""
    tables: dict[str, list[Row]] = {}
    for case in cases:
        for table, rows in told(case).items():
            tables.setdefault(table, []).extend(rows)
    deliver(landing, TODAY, tables)


def told(case: Mapping[str, Any], suffix: str = "") -> dict[str, list[Row]]:
    """The case's rows as they are known on TODAY. suffix: of the loan's number, for a further loan of the borrower."""
    ours = _ours(case) | {"loan_id": f"{loan_of(case)}{suffix}"}
    loan = case.get("loan", {})
    paid_out, next_due = when(loan.get("paid_out", "400 days ago")), when(loan.get("next_due", "in 20 days"))
    dues = [(next_due - timedelta(days=61), 1000), (next_due, 1000), (next_due + timedelta(days=365), 8000)]
    rows = {
        "loan_contract": [
            delivered("loan_contract", **_known("loan_contract", ours), principal_amount="10000.00",
                      instalment_count=3, disbursement_date=paid_out)
        ],
        "repayment_schedule": [
            delivered("repayment_schedule", **_known("repayment_schedule", ours), schedule_version=1,
                      schedule_effective_date=paid_out, version_reason_code="ORIGINAL", instalment_number=count,
                      due_date=due, principal_due_amount=f"{amount}.00")
            for count, (due, amount) in enumerate(dues, start=1)
        ],
        "repayment_transaction": [
            delivered("repayment_transaction", transaction_id=f"{ours['loan_id']}-due", loan_id=ours["loan_id"],
                      value_date=dues[0][0], booking_date=dues[0][0], amount="1000.00")
        ],
    }  # fmt: skip
    if "earlier_loan" in case:
        rows["loan_contract"].append(
            delivered("loan_contract", **_known("loan_contract", ours) | {"loan_id": f"{ours['loan_id']}-earlier"},
                      principal_amount="10000.00", disbursement_date=when("800 days ago"), contract_status="CLOSED",
                      status_date=when(case["earlier_loan"]["closed"]))
        )  # fmt: skip
    for table, given in rows_of(case, case["given"]).items():
        rows.setdefault(table, []).extend(given)
    return rows


def rows_of(case: Mapping[str, Any], given: Mapping[str, Any], of_day: str = "") -> dict[str, list[Row]]:
    """Rows by table as a case tells them. of_day: a mark in their keys, for what comes on a later day."""
    ours = _ours(case)
    rows: dict[str, list[Row]] = {}
    for table, told_rows in given.items():
        key = contract_of(table).key[0]
        for count, values in enumerate(told_rows, start=1):
            ids = {key: f"{ours['loan_id']}-{of_day}{count:02d}"} if key not in ours else {}
            stated = {name: when(value) for name, value in values.items()}
            if table == "bureau_tradeline":
                stated["pull_id"] = f"{ours['loan_id']}-{PULLS[stated['pull_id']]:02d}"
            rows.setdefault(table, []).append(
                delivered(table, **_known(table, ours) | DEFAULTS.get(table, {}) | ids | stated)
            )
    return rows


def _ours(case: Mapping[str, Any]) -> dict[str, str]:
    number = case["number"]
    return {"loan_id": loan_of(case), "borrower_id": f"B{number:03d}", "account_number": f"6222{number:06d}"}


def when(value: Any) -> Any:
    """``40 days ago`` as a date; anything else as it stands."""
    said = SAYS_WHEN.fullmatch(value) if isinstance(value, str) else None
    if said is None:
        return value
    return TODAY + timedelta(days=int(said[2] or 0) - int(said[1] or 0))


def _known(table: str, values: Mapping[str, str]) -> dict[str, str]:
    columns = {column.name for column in contract_of(table).columns if not column.nullable}
    return {name: value for name, value in values.items() if name in columns}
