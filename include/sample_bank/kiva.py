"""Kiva: the first 1,000 loans of its public snapshot, cut into deliveries at chosen business dates.

``status``, ``delinquent`` and ``paid_date`` are Kiva's own verdict, the answer key that tests compare with, so they are
not delivered: a loan that was paid or defaulted is ACTIVE on every date. Delivered as the snapshot has them: refunded
loans as CANCELLED (the snapshot does not say when; the disbursement is the earliest day it can have been, and such a
loan was never owed to anyone), deleted loans and loans without status with that very status, loans without a schedule
with their empty currency, and their payments likewise. Landing refuses these with a reason; nothing is guessed.

Dates: instants in UTC that are midnights in Kiva's own zone. Amounts: the schedule's and the payments' in the
disbursement's currency. The schedules hold one amount an instalment and add up to the amount disbursed, so it is all
principal; where a schedule did not add up, its rows would be marked ``is_derived``.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd

from include.sample_bank.source_book import (
    SourceBook,
    Summary,
    every_day,
    exact_amount,
    local_dates,
    read_text,
    write_book,
)

TIMEZONE = "America/Los_Angeles"
STATUS = {"paid": "ACTIVE", "defaulted": "ACTIVE", "refunded": "CANCELLED"}
# Of the history's payments more than half are for loans without a currency; no lender's own extract may be so bad.
ACCEPTED_QUARANTINE_SHARE = 0.6
HISTORY_TO = date(2006, 10, 31)
# A few days in a row, then days far apart: a delivery holds whatever happened since the one before it.
DATES = (
    *every_day(date(2006, 11, 1), date(2006, 11, 4)),
    date(2006, 11, 30),
    date(2007, 1, 15),
    date(2007, 3, 31),
    date(2007, 6, 15),
    date(2007, 9, 15),
    date(2007, 12, 31),
    date(2008, 3, 15),
    date(2008, 7, 30),
)


def write_deliveries(
    source_dir: Path,
    landing: Path,
    *,
    history_to: date = HISTORY_TO,
    dates: tuple[date, ...] = DATES,
    file_format: str = "csv",
    compress: bool = False,
) -> Summary:
    """Read loans, schedule and payments in ``source_dir`` and write their deliveries below ``landing``."""
    loans, schedule, payments = read_snapshot(source_dir)
    has_currency = loans["disbursal_currency"] != ""
    in_currency = payments["loan_id"].isin(loans.loc[has_currency, "loan_id"])
    unusable = {
        "loan_contract: no currency": int((~has_currency).sum()),
        "loan_contract: unknown contract_status": int((has_currency & ~loans["status"].isin(STATUS)).sum()),
        "repayment_transaction: no currency": int((~in_currency).sum()),
    }
    summary = write_book(
        book_of(loans, schedule, payments),
        landing,
        history_to=history_to,
        dates=dates,
        unusable=unusable,
        file_format=file_format,
        compress=compress,
    )
    return replace(summary, quarantine_share=ACCEPTED_QUARANTINE_SHARE)


def read_snapshot(source_dir: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Loans, schedule and payments as text: instants cut to dates in Kiva's zone, amounts with two places."""
    loans = read_text(source_dir / "loans.csv")
    schedule = read_text(source_dir / "schedule.csv")
    payments = read_text(source_dir / "payments.csv")
    for column in ("disbursal_date", "paid_date"):
        loans[column] = local_dates(loans[column], TIMEZONE)
    schedule["due_date"] = local_dates(schedule["due_date"], TIMEZONE)
    payments["processed_date"] = local_dates(payments["processed_date"], TIMEZONE)
    loans["disbursal_amount"] = loans["disbursal_amount"].map(exact_amount)
    schedule["amount"] = schedule["amount"].map(exact_amount)
    payments["local_amount"] = payments["local_amount"].map(exact_amount)
    return loans, schedule, payments


def book_of(loans: pd.DataFrame, schedule: pd.DataFrame, payments: pd.DataFrame) -> SourceBook:
    """The book of the frames that ``read_snapshot`` returns."""
    instalment_count = schedule.groupby("loan_id").size().astype(str)
    status = loans["status"].map(lambda given: STATUS.get(given, given))
    contracts = pd.DataFrame(
        {
            "loan_id": loans["loan_id"],
            "borrower_id": loans["loan_id"],  # the snapshot names no borrowers: each loan stands for its own
            "product_code": "MICROLOAN",
            "channel_code": "PARTNER_" + loans["partner_id"],
            "branch_code": loans["country"],
            "currency": loans["disbursal_currency"],
            "timezone": TIMEZONE,
            "principal_amount": loans["disbursal_amount"],
            "annual_interest_rate": "",
            "instalment_count": loans["loan_id"].map(instalment_count).fillna(""),
            "repayment_method": loans["repayment_interval"].map({"At end of term": "BULLET"}).fillna("OTHER"),
            "disbursement_date": loans["disbursal_date"],
            "contract_status": status,
            "status_date": loans["disbursal_date"].where(status == "CANCELLED", ""),
        },
    )
    by_id = loans.set_index("loan_id")
    return SourceBook(
        contracts_on=lambda day: contracts[contracts["disbursement_date"] <= day.isoformat()],
        schedules=_schedules(schedule, by_id),
        transactions=pd.DataFrame(
            {
                "transaction_id": payments["payment_id"],
                "loan_id": payments["loan_id"],
                "value_date": payments["processed_date"],
                "booking_date": payments["processed_date"],
                "currency": payments["loan_id"].map(by_id["disbursal_currency"]),
                "amount": payments["local_amount"],
                "transaction_type": "REPAYMENT",
                "reversal_of_transaction_id": "",
                "method_code": "",
                "is_derived": "false",
            },
        ),
    )


def _schedules(schedule: pd.DataFrame, by_id: pd.DataFrame) -> pd.DataFrame:
    scheduled = schedule["amount"].map(Decimal).groupby(schedule["loan_id"]).sum()
    adds_up = {
        loan_id: total == Decimal(str(by_id.at[loan_id, "disbursal_amount"])) for loan_id, total in scheduled.items()
    }
    return pd.DataFrame(
        {
            "loan_id": schedule["loan_id"],
            "schedule_version": "1",
            "schedule_effective_date": schedule["loan_id"].map(by_id["disbursal_date"]),
            "version_reason_code": "ORIGINAL",
            "instalment_number": schedule["n"],
            "due_date": schedule["due_date"],
            "principal_due_amount": schedule["amount"],
            "interest_due_amount": "0.00",
            "fee_due_amount": "0.00",
            "penalty_due_amount": "0.00",
            "is_derived": schedule["loan_id"].map(lambda loan_id: "false" if adds_up[loan_id] else "true"),
        },
    )
