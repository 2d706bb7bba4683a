"""A fund-use case in plain words, told as the deliveries of a lender: one borrower and one loan a case."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from include.landing.contract import load_contracts
from include.landing.delivery_writer import write_delivery
from tests.support.borrower_rows import movement
from tests.support.landing_rows import instalment, loan

CASES_DIR = Path(__file__).resolve().parents[1] / "cases" / "fund_use"
LAST_DUE = "2027-01-05"
ORIGINATION = {
    "application_date": "2025-12-20", "contract_number": "C-1", "contract_signed_date": "2025-12-22",
    "payment_mode_code": "SELF", "all_in_annual_rate": "0.120000", "is_autodebit": "true",
    "application_monthly_income_amount": "20000.00", "application_total_debt_amount": "0.00",
}  # fmt: skip


@dataclass
class Rows:
    """What each table delivers, by (system, table)."""

    of: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, system: str, table: str, row: Mapping[str, Any]) -> None:
        self.of.setdefault((system, table), []).append(dict(row))

    def frame(self, system: str, table: str) -> pd.DataFrame:
        """With every column of the contract; what a row does not state is missing."""
        (contract,) = [one for one in load_contracts() if (one.system, one.table) == (system, table)]
        columns = [column.name for column in contract.columns]
        rows = self.of.get((system, table), [])
        unknown = {name for row in rows for name in row} - set(columns)
        assert not unknown, f"{system} {table} has no column {unknown}"
        return pd.DataFrame([[row.get(name) for name in columns] for row in rows], columns=columns, dtype=object)


def load_cases() -> list[dict[str, Any]]:
    """Every case, with the file it stands in and a number of its own."""
    cases = []
    for path in sorted(CASES_DIR.glob("*.yml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            cases.append({**case, "file": path.stem, "number": len(cases) + 1})
    return cases


def loan_of(case: Mapping[str, Any]) -> str:
    return f"L{case['number']:03d}"


def tell(case: Mapping[str, Any], rows: Rows) -> None:
    """Add the rows of one case."""
    loan_id, borrower_id = loan_of(case), f"B{case['number']:03d}"
    currency = case["loan"].get("currency", "CNY")
    principal = str(sum(Decimal(draw["amount"]) for draw in case["draws"]))
    first_day = min(draw["day"] for draw in case["draws"]).isoformat()
    rows.add("core_banking", "loan_contract", loan(
        loan_id, borrower_id=borrower_id, currency=currency, principal_amount=principal, disbursement_date=first_day,
    ))  # fmt: skip
    rows.add("core_banking", "repayment_schedule", instalment(
        loan_id, 1, due_date=LAST_DUE, schedule_effective_date=first_day, principal_due_amount=principal,
    ))  # fmt: skip
    rows.add("core_banking", "loan_origination", {
        **ORIGINATION, "loan_id": loan_id, "purpose_code": case["loan"]["purpose"],
        "payment_mode_code": case["loan"].get("mode", "SELF"),
    })  # fmt: skip
    accounts = _Accounts(case["number"])
    for draw in case["draws"]:
        rows.add("core_banking", "disbursement", {
            "draw_id": f"{loan_id}-{draw['draw']}", "loan_id": loan_id, "value_date": draw["day"].isoformat(),
            "currency": currency, "draw_amount": draw["amount"], "payee_type_code": draw.get("to", "BORROWER"),
            "payee_account_number": accounts[draw.get("account", "main")],
        })  # fmt: skip
    for number, moved in enumerate(case.get("movements", [])):
        is_in, kind = "in" in moved, moved.get("kind", "PURCHASE" if "mcc" in moved else "TRANSFER")
        rows.add("accounts", "account_transaction", movement(
            f"{loan_id}-T{number:02d}", borrower_id=borrower_id, account_number=accounts[moved["account"]],
            booking_date=moved["day"].isoformat(), currency=currency, amount=moved["in" if is_in else "out"],
            direction_code="IN" if is_in else "OUT", movement_code=kind,
            counterparty_class_code=moved.get("to"), merchant_category_code=moved.get("mcc"),
            counterparty_account_number=accounts[moved["counter"]] if "counter" in moved else None,
            loan_id=loan_id if kind == "LOAN_DISBURSEMENT" else None, sequence_number=str(number),
            balance_after_amount=moved.get("balance"),
        ))  # fmt: skip
    for number, paper in enumerate(case.get("papers", [])):
        rows.add("documents", "use_of_proceeds_evidence", {
            "evidence_id": f"{loan_id}-E{number}", "loan_id": loan_id, "received_date": paper["day"].isoformat(),
            "draw_id": f"{loan_id}-{paper['draw']}" if "draw" in paper else None, "evidence_type_code": "INVOICE",
            "currency": currency, "evidence_amount": paper["amount"], "verification_code": paper["verdict"],
        })  # fmt: skip


def deliver(landing: Path, business_date: date, rows: Rows, tables: Mapping[str, Sequence[str]]) -> None:
    """One daily delivery of each system with these tables."""
    for system, names in tables.items():
        write_delivery(landing, system, business_date, {name: rows.frame(system, name) for name in names})


def deliver_cases(landing: Path, business_date: date, cases: Iterable[Mapping[str, Any]]) -> None:
    """All cases as one lender's only delivery."""
    rows = Rows()
    for case in cases:
        tell(case, rows)
    deliver(landing, business_date, rows, {
        "core_banking": ("loan_contract", "repayment_schedule", "loan_origination", "disbursement"),
        "payments": ("repayment_transaction",),
        "accounts": ("account_transaction",),
        "documents": ("use_of_proceeds_evidence",),
    })  # fmt: skip


class _Accounts(dict[str, str]):
    """An account number for each name that a case uses."""

    def __init__(self, case_number: int) -> None:
        super().__init__()
        self._case_number = case_number

    def __missing__(self, name: str) -> str:
        self[name] = f"6222{self._case_number:06d}{len(self) + 1:06d}"
        return self[name]
