"""Random events in every source about the borrowers of a small bank: late, corrected, withdrawn, dated ahead, missing.

Nothing here means anything. The dates lie where some window of some signal opens or ends during the days of the test.
"""

import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from include.landing.contract import load_contracts
from include.landing.delivery_writer import write_delivery, write_manifest
from include.landing.manifest import MANIFEST_NAME
from tests.support.delivered_rows import Row, contract_of, deliver, delivered

WINDOWS = (0, 1, 3, 5, 15, 30, 40, 45, 60, 90, 100, 180, 330, 365)
OPTIONAL_SYSTEMS = ("accounts", "bureau", "contact_center", "customer", "documents", "public_records")
MISSING_SHARE = 0.25
SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass
class Noise:
    """``loans``: (loan_id, borrower_id, disbursement date) of the bank whose borrowers live through it."""

    landing: Path
    loans: Sequence[tuple[str, str, date]]
    seed: int
    first_day: date
    count: int = 0
    # rows that wait for the next delivery of their system, and those of each delivery so far
    pending: dict[str, list[tuple[str, Row]]] = field(default_factory=dict)
    delivered_on: dict[tuple[str, date], list[tuple[str, Row]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.borrowers = sorted({borrower for _, borrower, _ in self.loans})
        for loan_id, borrower, paid_out in self.loans:
            self._add(delivered(
                "loan_origination", loan_id=loan_id, application_date=paid_out - timedelta(days=self._between(0, 20)),
                application_bureau_score=self._between(550, 750),
                application_monthly_income_amount=None if self._is_silent(borrower) else self._money(8000, 16000),
                application_total_debt_amount=self._money(0, 60000), purpose_code="CONSUMPTION",
            ), "loan_origination")  # fmt: skip
        for borrower in self.borrowers:
            last = self.first_day - timedelta(days=self._between(20, 60))
            for months in range(4):
                self._movement(borrower, last - timedelta(days=30 * months), "SALARY", "IN")
        for _ in range(12 * len(self.borrowers)):
            self._event(self.first_day + timedelta(days=self._between(0, 30) - self.random.choice(WINDOWS)))

    def write_day(self, day: date) -> None:
        """The day's deliveries: some systems bring nothing, and all that has waited the next time."""
        for _ in range(len(self.borrowers) // 6):
            # late by a window, of today, or known ahead
            self._event(day - timedelta(days=self.random.choice((0, 0, *WINDOWS))))
        for _ in range(3):
            self._event(day + timedelta(days=self._between(1, 9)))
        self._deliver_core(day)
        for system in OPTIONAL_SYSTEMS:
            if self.random.random() >= MISSING_SHARE:
                self._deliver(system, day)
                self._correct(system, day)

    def _deliver(self, system: str, day: date) -> None:
        rows = self.pending.pop(system, [])
        self.delivered_on[system, day] = rows
        tables = {contract.table: [] for contract in load_contracts() if contract.system == system}
        for table, row in rows:
            tables[table].append(row)
        if system == "customer":
            tables["borrower"] = [self._borrower(borrower, day) for borrower in self.borrowers]
        deliver(self.landing, day, tables)

    def _correct(self, system: str, day: date) -> None:
        """Some rows of an earlier delivery were wrong."""
        earlier = sorted(date for name, date in self.delivered_on if name == system and date < day)
        if not earlier or self.random.random() < 0.5:
            return
        corrected = self.random.choice(earlier)
        rows = self.delivered_on[system, corrected]
        tables: dict[str, list[Row]] = {}
        for table, row in self.random.sample(rows, min(4, len(rows))):
            tables.setdefault(table, []).append(self._other(table, row))
        if tables:
            frames = {table: pd.DataFrame(list_, dtype=object) for table, list_ in tables.items()}
            write_delivery(self.landing, system, corrected, frames,
                           kind="correction", known_date=day, replaces="keys")  # fmt: skip

    def _other(self, table: str, row: Row) -> Row:
        """The row as it should have been: another date, another borrower, or another of its codes."""
        contract = contract_of(table)
        row = dict(row)
        changed = self.random.choice(["date", "subject", "value"]) if contract.system != "bureau" else "value"
        dates = [c.name for c in contract.columns if c.type == "date" and row[c.name] and c.name not in contract.key]
        if changed == "date" and dates:
            name = self.random.choice(dates)
            row[name] = str(date.fromisoformat(str(row[name])) - timedelta(days=self._between(1, 40)))
        elif changed == "subject" and "borrower_id" in row:
            row["borrower_id"] = self.random.choice(self.borrowers)
        else:
            for column in contract.columns:
                if column.one_of and row[column.name]:
                    row[column.name] = self.random.choice(column.one_of)
                elif column.is_decimal and row[column.name]:
                    row[column.name] = self._money(100, 20000)
        return row

    def _deliver_core(self, day: date) -> None:
        """Into the core system's delivery of the day, which the bank has written already."""
        aside = self.landing.parent / "noise"
        rows = self.pending.pop("core_banking", [])
        frames = {
            table: pd.DataFrame([row for name, row in rows if name == table], dtype=object)
            for table in sorted({name for name, _ in rows})
        }
        if not frames:
            return
        added = json.loads(write_delivery(aside, "core_banking", day, frames).read_text())
        folder = self.landing / "core_banking" / day.isoformat()
        manifest = json.loads((folder / MANIFEST_NAME).read_text())
        for table in added["tables"]:
            for file in table["files"]:
                shutil.copy(aside / "core_banking" / day.isoformat() / file["name"], folder)
        write_manifest(folder, {**manifest, "tables": manifest["tables"] + added["tables"]})

    def _event(self, day: date) -> None:
        borrower = self.random.choice(self.borrowers)
        loan_id = self.random.choice([loan for loan, owner, _ in self.loans if owner == borrower])
        kinds = (
            self._pull, self._movement, self._movement, self._contact, self._contact, self._contact, self._visit,
            self._promise, self._promise, self._relief, self._income, self._case, self._business,
        )  # fmt: skip
        make = self.random.choice(kinds)
        make(loan_id if make in (self._promise, self._relief) else borrower, day)

    def _pull(self, borrower: str, day: date) -> None:
        # a bureau is asked while we lend, anything else is refused at landing
        day = max([day, *(paid_out for _, owner, paid_out in self.loans if owner == borrower)])
        pull = f"P{self.count:06d}"
        self._add(delivered(
            "bureau_report", pull_id=pull, borrower_id=borrower, pull_date=day, consent_id="C1",
            bureau_code=self.random.choice(("PBOC", "PBOC", "OTHER")), inquiry_purpose_code="POST_LOAN",
            bureau_score=self.random.choice((None, self._between(500, 750), self._between(500, 750))),
            total_debt_amount=self._money(10000, 90000), inquiry_30d_count=self._between(0, 8),
        ), "bureau_report")  # fmt: skip
        for number in range(1, self._between(0, 3) + 1):
            self._add(delivered(
                "bureau_tradeline", pull_id=pull, tradeline_number=number, borrower_id=borrower, pull_date=day,
                is_own_lender=self.random.random() < 0.3, balance_amount=self._money(0, 50000),
                days_past_due=self.random.choice((0, 0, 3, 8, 40)),
                account_status_code=self.random.choice(("OPEN", "OPEN", "OPEN", "CLOSED", "CHARGED_OFF")),
            ), "bureau_tradeline")  # fmt: skip

    def _movement(self, borrower: str, day: date, kind: str | None = None, direction: str | None = None) -> None:
        kind = kind or self.random.choice(("SALARY", "AUTODEBIT_FAILED", "PURCHASE", "TRANSFER", "OTHER"))
        loans = [loan for loan, owner, _ in self.loans if owner == borrower]
        self._add(delivered(
            "account_transaction", account_transaction_id=self._key("A"), borrower_id=borrower, booking_date=day,
            account_number=f"6222{self._between(1, 2)}{borrower[-4:].zfill(6)}".replace("B", "0"),
            amount=self._money(0, 9000), movement_code=kind,
            direction_code=direction or ("IN" if kind == "SALARY" else "OUT"), sequence_number=self.count,
            balance_after_amount=self.random.choice((None, self._money(0, 900), self._money(0, 9000))),
            loan_id=self.random.choice((None, *loans)) if kind == "AUTODEBIT_FAILED" else None,
        ), "account_transaction")  # fmt: skip

    def _contact(self, borrower: str, day: date) -> None:
        if self.random.random() < 0.5:  # some are called again and again
            borrower = self.random.choice(self.borrowers[:6])
        outcome = self.random.choice(("NO_ANSWER", "NO_ANSWER", "NO_ANSWER", "BUSY", "REACHED", "SENT", "WRONG_PERSON"))
        started = datetime(day.year, day.month, day.day, self._between(9, 20), tzinfo=SHANGHAI)
        self._add(delivered(
            "contact_event", contact_id=self._key("C"), borrower_id=borrower, contact_date=day,
            started_at=started.isoformat(), channel_code="SMS" if outcome == "SENT" else "PHONE",
            outcome_code=outcome, is_connected=outcome in ("REACHED", "WRONG_PERSON"),
            party_code={"REACHED": "SELF", "WRONG_PERSON": "THIRD_PARTY"}.get(outcome),
        ), "contact_event")  # fmt: skip

    def _visit(self, borrower: str, day: date) -> None:
        self._add(delivered(
            "revisit_outcome", visit_id=self._key("V"), borrower_id=borrower, visit_date=day,
            is_right_party=self.random.random() < 0.7, is_hardship_claimed=self.random.random() < 0.5,
            stated_monthly_income_amount=None if self._is_silent(borrower) else self._money(4000, 16000),
        ), "revisit_outcome")  # fmt: skip

    def _promise(self, loan_id: str, day: date) -> None:
        self._add(delivered(
            "promise_to_pay", promise_id=self._key("R"), loan_id=loan_id, made_date=day,
            promised_date=day + timedelta(days=self._between(0, 15)), promised_amount=self._money(100, 2000),
        ), "promise_to_pay")  # fmt: skip

    def _relief(self, loan_id: str, day: date) -> None:
        self._add(delivered(
            "forbearance_event", forbearance_id=self._key("F"), loan_id=loan_id, granted_date=day, effective_date=day,
            has_financial_difficulty=self.random.random() < 0.7,
        ), "forbearance_event")  # fmt: skip

    def _income(self, borrower: str, day: date) -> None:
        self._add(delivered(
            "income_employment_refresh", refresh_id=self._key("I"), borrower_id=borrower, observed_date=day,
            evidence_code=self.random.choice(("PAYROLL", "TAX")),
            monthly_income_amount=None if self._is_silent(borrower) else self._money(4000, 16000),
        ), "income_employment_refresh")  # fmt: skip

    def _case(self, borrower: str, day: date) -> None:
        self._add(delivered(
            "litigation_record", record_id=self._key("J"), case_id=f"{borrower}-{self._between(1, 2)}",
            borrower_id=borrower, event_date=day,
            event_code=self.random.choice(("FILED", "JUDGMENT", "ENFORCEMENT", "SETTLED", "CLOSED")),
        ), "litigation_record")  # fmt: skip

    def _business(self, borrower: str, day: date) -> None:
        self._add(delivered(
            "business_registration", record_id=self._key("G"), business_id=borrower, borrower_id=borrower,
            event_date=day, event_code=self.random.choice(("CHANGED", "ABNORMAL", "REVOKED")),
        ), "business_registration")  # fmt: skip

    def _borrower(self, borrower: str, day: date) -> Row:
        stated = random.Random(f"{self.seed}{borrower}{day.day // 14}")
        return delivered(
            "borrower", borrower_id=borrower, customer_since_date="2020-01-01",
            declared_monthly_income_amount="9000.00",
            income_stated_date=self.first_day - timedelta(days=stated.choice((325, 340, 362, 360))),
        )  # fmt: skip

    def _is_silent(self, borrower: str) -> bool:
        """Says nothing of income but once: what is known of it grows old."""
        return self.borrowers.index(borrower) % 3 == 0

    def _add(self, row: Row, table: str) -> None:
        self.count += 1
        self.pending.setdefault(contract_of(table).system, []).append((table, row))

    def _key(self, letter: str) -> str:
        return f"{letter}{self.count:06d}"

    def _between(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def _money(self, low: int, high: int) -> Any:
        return f"{self.random.randint(low, high)}.00"
