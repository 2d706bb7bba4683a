"""Some dozens of borrowers and every source that speaks of them: late rows, corrections, rows known ahead."""

import random
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from include.landing.delivery_writer import write_delivery
from tests.support.borrower_rows import BORROWER, movement
from tests.support.fund_use_story import ORIGINATION, Rows
from tests.support.landing_rows import instalment, loan, payment

FIRST_DAY = date(2026, 3, 2)
PURPOSES = ("CONSUMPTION", "RENOVATION", "BUSINESS_OPERATION", "DEBT_CONSOLIDATION", None)
PARTIES = (
    "MERCHANT", "PERSON", "OWN_ACCOUNT", "LENDER", "SECURITIES", "PROPERTY", "CRYPTO", "GAMBLING", None,
)  # fmt: skip
TABLES = {
    "core_banking": ("loan_contract", "repayment_schedule", "loan_origination", "disbursement"),
    "payments": ("repayment_transaction",),
    "customer": ("borrower", "income_employment_refresh"),
    "documents": ("use_of_proceeds_evidence",),
    "bureau": ("bureau_report", "bureau_tradeline"),
    "accounts": ("account_transaction",),
    "contact_center": ("contact_event", "revisit_outcome", "promise_to_pay"),
}


class BorrowerLives:
    """``deliver`` writes one business date; what a day brings follows from the seed alone."""

    def __init__(self, seed: int, borrowers: int) -> None:
        self._random = random.Random(seed)
        self._number = 0
        self.borrowers = [f"B{number:03d}" for number in range(borrowers)]
        # some have two loans; draws of both may have paid the same thing
        self.loans = [
            (f"L{number:03d}{letter}", borrower)
            for number, borrower in enumerate(self.borrowers)
            for letter in ("a", "b")[: 1 + number % 2]
        ]
        # nothing is wrong with every third: on no list, touched by little
        self._calm = set(self.borrowers[::3])
        self._customers = {borrower: self._customer(borrower) for borrower in self.borrowers}
        self._accounts_of_first_day: list[dict[str, Any]] = []

    def deliver(self, landing: Path, business_date: date) -> None:
        """The daily delivery of every system. On the first day: the loans, and all that happened before."""
        rows, is_first = Rows(), business_date == FIRST_DAY
        for loan_id, borrower_id in self.loans:
            self._standing_loan(rows, loan_id, borrower_id, is_first)
        for _ in range(18 * len(self.borrowers) if is_first else 12):
            back = self._random.randint(0, 300 if is_first else 40)
            self._event(rows, business_date - timedelta(days=back), business_date)
        for borrower_id in self._random.sample(self.borrowers, 2):
            self._customers[borrower_id] = self._customer(borrower_id)
        for row in self._customers.values():
            rows.add("customer", "borrower", row)
        if is_first:
            self._accounts_of_first_day = rows.of["accounts", "account_transaction"]
        for system, tables in TABLES.items():
            write_delivery(landing, system, business_date, {name: rows.frame(system, name) for name in tables})

    def correct_the_first_day(self, landing: Path, known_date: date) -> None:
        """Account movements of the first day again: some with another amount or counterparty, some gone."""
        rows = Rows()
        for row in self._accounts_of_first_day:
            dice = self._random.random()
            if dice < 0.1:
                continue
            changed = {"counterparty_class_code": "SECURITIES"} if dice < 0.2 else {}
            rows.add("accounts", "account_transaction", {**row, **changed})
        write_delivery(
            landing, "accounts", FIRST_DAY, {"account_transaction": rows.frame("accounts", "account_transaction")},
            kind="correction", known_date=known_date,
        )  # fmt: skip

    def _id(self, letter: str) -> str:
        self._number += 1
        return f"{letter}{self._number:06d}"

    def _customer(self, borrower_id: str) -> Mapping[str, Any]:
        pick = self._random.choice
        return {
            **BORROWER, "borrower_id": borrower_id, "full_name": f"客户{borrower_id}",
            "id_number": f"11010519900307{int(borrower_id[1:]):03d}X", "region_code": pick(("110108", "310104")),
            "occupation_code": pick(("CLERK", "DRIVER")), "is_vulnerable": pick(("true", "false")),
            "declared_monthly_income_amount": pick(("9000.00", "14000.00")),
            # one that is announced ahead moves the row on its day
            "deceased_date": pick((None, None, None, "2026-03-20")),
        }  # fmt: skip

    def _standing_loan(self, rows: Rows, loan_id: str, borrower_id: str, is_first: bool) -> None:
        # before every pull: a bureau may be asked while a credit relation is live
        since = "2025-01-02"
        rows.add("core_banking", "loan_contract", loan(
            loan_id, borrower_id=borrower_id, principal_amount="240000.00", disbursement_date=since,
        ))  # fmt: skip
        for number in range(1, 5):
            due = date(2026, 11, 5) + timedelta(days=30 * number)  # nobody is late: lists touch whom they hold
            rows.add("core_banking", "repayment_schedule", instalment(
                loan_id, number, due_date=due.isoformat(), schedule_effective_date=since,
                principal_due_amount="60000.00",
            ))  # fmt: skip
        if not is_first:
            return
        rows.add("core_banking", "loan_origination", {
            **ORIGINATION, "loan_id": loan_id,
            "purpose_code": "RENOVATION" if borrower_id in self._calm else self._random.choice(PURPOSES),
            "application_occupation_code": "CLERK", "application_region_code": "110108",
            "application_bureau_score": "700",
        })  # fmt: skip
        for number in range(self._random.randint(1, 3)):
            # a calm borrower's money was spent long ago: no window is open any more
            is_calm = borrower_id in self._calm
            draw_id, day = f"{loan_id}-{number}", date(2026, 1, 5) + timedelta(days=self._random.randint(0, 80))
            day -= timedelta(days=180 if is_calm else 0)
            amount = "60000.00" if is_calm else self._random.choice(("60000.00", "100000.01", "240000.00"))
            rows.add("core_banking", "disbursement", {
                "draw_id": draw_id, "loan_id": loan_id, "value_date": day.isoformat(), "currency": "CNY",
                "draw_amount": amount, "payee_type_code": self._random.choice(("BORROWER", "BORROWER", "MERCHANT")),
                "payee_account_number": self._account(borrower_id, 0),
            })  # fmt: skip

    @staticmethod
    def _account(borrower_id: str, number: int) -> str:
        return f"62{int(borrower_id[1:]):06d}{number:06d}"

    def _event(self, rows: Rows, day: date, business_date: date) -> None:
        borrower_id = self._random.choice(self.borrowers)
        loan_id = self._random.choice([one for one, owner in self.loans if owner == borrower_id])
        if borrower_id in self._calm:
            self._purchase(rows, borrower_id, day)
            return
        kinds = (self._movement, self._movement, self._movement, self._income, self._report, self._contact,
                 self._promise, self._paper, self._payment)  # fmt: skip
        self._random.choice(kinds)(rows, borrower_id, loan_id, day, business_date)

    def _movement(self, rows: Rows, borrower_id: str, loan_id: str, day: date, business_date: date) -> None:
        pick = self._random.choice
        party, is_out = pick(PARTIES), self._random.random() < 0.75
        kind = "PURCHASE" if party == "MERCHANT" else "TRANSFER"
        if not is_out and self._random.random() < 0.6:
            party, kind = "EMPLOYER", "SALARY"
        # a few are booked ahead
        booked = day + timedelta(days=0 if self._random.random() < 0.9 else 60)
        rows.add("accounts", "account_transaction", movement(
            self._id("T"), borrower_id=borrower_id, account_number=self._account(borrower_id, pick((0, 0, 1))),
            booking_date=booked.isoformat(), amount=f"{self._random.randint(1, 9_000_000) / 100:.2f}",
            direction_code="OUT" if is_out else "IN", movement_code=kind, counterparty_class_code=party,
            counterparty_account_number=self._account(borrower_id, pick((0, 1, 7))) if party != "EMPLOYER" else None,
            merchant_category_code=pick(("5211", "5944", "7995")) if party == "MERCHANT" else None,
            sequence_number=str(self._random.randint(0, 3)),
        ))  # fmt: skip

    def _purchase(self, rows: Rows, borrower_id: str, day: date) -> None:
        rows.add("accounts", "account_transaction", movement(
            self._id("T"), borrower_id=borrower_id, account_number=self._account(borrower_id, 0),
            booking_date=day.isoformat(), amount=f"{self._random.randint(500_000, 4_000_000) / 100:.2f}",
            direction_code="OUT", movement_code="PURCHASE", counterparty_class_code="MERCHANT",
            counterparty_account_number=None, merchant_category_code="5211",
        ))  # fmt: skip

    def _income(self, rows: Rows, borrower_id: str, loan_id: str, day: date, business_date: date) -> None:
        pick = self._random.choice
        rows.add("customer", "income_employment_refresh", {
            "refresh_id": self._id("R"), "borrower_id": borrower_id,
            # some is old enough to grow too old within weeks
            "observed_date": (day - timedelta(days=pick((0, 150)))).isoformat(), "currency": "CNY",
            "evidence_code": pick(("PAYROLL", "PAYROLL", "SOCIAL_INSURANCE", "TAX", "SELF_STATED")),
            "monthly_income_amount": pick(("5000.00", "9000.00", "15000.00", None)),
            "social_insurance_code": pick(("PAYING", "SUSPENDED", None)),
            "has_employer_changed": pick(("true", "false")),
        })  # fmt: skip

    def _report(self, rows: Rows, borrower_id: str, loan_id: str, day: date, business_date: date) -> None:
        pull_id, pick = self._id("P"), self._random.choice
        rows.add("bureau", "bureau_report", {
            "pull_id": pull_id, "borrower_id": borrower_id, "pull_date": day.isoformat(), "consent_id": "C1",
            "bureau_code": pick(("PBOC", "PBOC", "PBOC", "PBOC", "OTHER")), "inquiry_purpose_code": "POST_LOAN",
            "currency": "CNY",
            "bureau_score": pick(("540", "630", "655", "745", None)), "inquiry_30d_count": "1",
            "inquiry_90d_count": "2",
            "total_debt_amount": pick(("100000.00", "115000.00", "300000.00")),
        })  # fmt: skip
        for number in range(1, self._random.randint(1, 3)):
            rows.add("bureau", "bureau_tradeline", {
                "pull_id": pull_id, "tradeline_number": str(number), "borrower_id": borrower_id,
                "pull_date": day.isoformat(), "account_type_code": "PERSONAL_LOAN", "currency": "CNY",
                "is_own_lender": pick(("true", "false")), "balance_amount": pick(("20000.00", "90000.00")),
                "past_due_amount": "0.00", "days_past_due": pick(("0", "0", "33")), "account_status_code": "OPEN",
            })  # fmt: skip

    def _contact(self, rows: Rows, borrower_id: str, loan_id: str, day: date, business_date: date) -> None:
        pick = self._random.choice
        if self._random.random() < 0.2:
            rows.add("contact_center", "revisit_outcome", {
                "visit_id": self._id("V"), "borrower_id": borrower_id, "visit_date": day.isoformat(),
                "channel_code": "FIELD", "is_right_party": pick(("true", "false")), "is_hardship_claimed": "false",
            })  # fmt: skip
            return
        is_reached = self._random.random() < 0.4
        rows.add("contact_center", "contact_event", {
            "contact_id": self._id("C"), "borrower_id": borrower_id, "contact_date": day.isoformat(),
            "started_at": f"{day.isoformat()}T{self._random.randint(8, 21):02d}:30:00+08:00", "purpose_code": "SERVICE",
            "channel_code": pick(("PHONE", "SMS", "FIELD")), "is_inbound": pick(("false", "false", "true")),
            "is_connected": "true" if is_reached else "false", "party_code": "SELF" if is_reached else None,
            "outcome_code": "REACHED" if is_reached else "NO_ANSWER",
        })  # fmt: skip

    def _promise(self, rows: Rows, borrower_id: str, loan_id: str, day: date, business_date: date) -> None:
        promised = business_date + timedelta(days=self._random.randint(-5, 30))
        made = min(day, promised)
        rows.add("contact_center", "promise_to_pay", {
            "promise_id": self._id("K"), "loan_id": loan_id, "made_date": made.isoformat(),
            "promised_date": promised.isoformat(), "currency": "CNY", "promised_amount": "500.00",
            "is_withdrawn": self._random.choice(("false", "false", "true")),
        })  # fmt: skip

    def _paper(self, rows: Rows, borrower_id: str, loan_id: str, day: date, business_date: date) -> None:
        pick = self._random.choice
        rows.add("documents", "use_of_proceeds_evidence", {
            "evidence_id": self._id("E"), "loan_id": loan_id, "draw_id": pick((f"{loan_id}-0", None)),
            "received_date": day.isoformat(), "evidence_type_code": "INVOICE", "currency": "CNY",
            "evidence_amount": pick(("30000.00", "100000.00")),
            "verification_code": pick(("RECEIVED", "VERIFIED", "REJECTED")),
        })  # fmt: skip

    def _payment(self, rows: Rows, borrower_id: str, loan_id: str, day: date, business_date: date) -> None:
        rows.add("payments", "repayment_transaction", payment(
            self._id("Z"), loan_id=loan_id, value_date=day.isoformat(), booking_date=day.isoformat(), amount="400.00",
        ))  # fmt: skip


def later_days(seed: int, count: int, within: int) -> Iterator[date]:
    """So many dates after the first day, in order."""
    for number in sorted(random.Random(seed).sample(range(1, within), count)):
        yield FIRST_DAY + timedelta(days=number)
