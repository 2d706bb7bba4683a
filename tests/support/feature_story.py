"""A few loans with payments, reports and account movements, delivered on three dates, for tests of their features."""

import random
from datetime import date, timedelta
from pathlib import Path

from tests.support.delivered_rows import Row, contract_of, deliver, delivered

FIRST, SECOND, TODAY = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 10)
LOANS = 14
SYSTEMS = ("core_banking", "payments", "bureau", "accounts")


def write_deliveries(landing: Path, seed: int = 8) -> None:
    """What had happened by each date, delivered on it; every table of the features has rows of every delivery."""
    events = _events(random.Random(seed))
    before = date(2000, 1, 1)
    for day in (FIRST, SECOND, TODAY):
        tables: dict[str, list[Row]] = {table: [] for table, _, _ in events}
        for table, happened, row in events:
            if happened <= day and (happened > before or contract_of(table).delivery == "full"):
                tables[table].append(row)
        deliver(landing, day, tables)
        before = day


def _events(chance: random.Random) -> list[tuple[str, date, Row]]:
    events: list[tuple[str, date, Row]] = []
    for number in range(1, LOANS + 1):
        loan, borrower = f"L{number:02}", f"B{number:02}"
        paid_out = FIRST - timedelta(days=chance.randint(40, 330))
        ids = {"loan_id": loan, "borrower_id": borrower}
        contract = delivered(
            "loan_contract", **ids, principal_amount="12000.00", instalment_count=12, disbursement_date=paid_out
        )
        events.append(("loan_contract", paid_out, contract))
        for count in range(1, 13):
            due = paid_out + timedelta(days=30 * count)
            instalment = delivered(
                "repayment_schedule", loan_id=loan, schedule_version=1, schedule_effective_date=paid_out,
                version_reason_code="ORIGINAL", instalment_number=count, due_date=due, principal_due_amount="1000.00",
            )  # fmt: skip
            events.append(("repayment_schedule", paid_out, instalment))
            paid_on = due + timedelta(days=chance.choice([-6, -2, 0, 0, 3, 9, 20, 45]))
            payment = delivered(
                "repayment_transaction", transaction_id=f"{loan}-{count}", loan_id=loan, value_date=paid_on,
                booking_date=paid_on, amount="1000.00",
            )  # fmt: skip
            events.append(("repayment_transaction", max(paid_on, paid_out), payment))
        for count in range(4):
            pulled = FIRST - timedelta(days=90 - 42 * count)
            report = delivered(
                "bureau_report", pull_id=f"{loan}-{count}", borrower_id=borrower, pull_date=pulled, bureau_code="PBOC",
                consent_id="CONSENT-1", inquiry_purpose_code="POST_LOAN", bureau_score=chance.randint(450, 720),
                inquiry_90d_count=chance.randint(0, 9), open_lender_count=chance.randint(0, 7),
                credit_limit_amount="10000.00", credit_used_amount=f"{chance.randint(0, 10000)}.00",
            )  # fmt: skip
            events.append(("bureau_report", max(pulled, paid_out), report))
        for count in range(8):
            booked = FIRST - timedelta(days=100 - 19 * count)
            kind = chance.choice(["SALARY", "SALARY", "AUTODEBIT_FAILED", "OTHER"])
            movement = delivered(
                "account_transaction", account_transaction_id=f"{loan}-{count}", borrower_id=borrower,
                account_number=f"6222{number:06}", booking_date=booked, movement_code=kind, amount="5000.00",
            )  # fmt: skip
            events.append(("account_transaction", booked, movement))
    return events
