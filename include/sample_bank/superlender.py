"""Superlender: a Nigerian digital lender's repaid loans (``prior_loans.csv``), cut into daily deliveries.

The file states for each loan the approval, the amount, the total due, the first due date, the first repayment and the
closing. Stated as they are: loan, amount, closing, and the one instalment of loans over 15 and 30 days. Not stated,
computed here and marked ``is_derived``: every instalment of loans over 60 and 90 days (the first due date is real, the
others follow every 30 days, in equal parts) and every repayment (the total due at closing; over 60 and 90 days the
first instalment at the first repayment, the rest at closing). Times are local: creationdate, an hour earlier, is UTC.

Five loans have no amount. They are delivered as they are, so landing refuses them and says why.
"""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from include.sample_bank.source_book import (
    SourceBook,
    Summary,
    equal_parts,
    every_day,
    exact_amount,
    local_dates,
    read_text,
    write_book,
)

CURRENCY = "NGN"
CENT_0 = Decimal("0.00")
TIMEZONE = "Africa/Lagos"
INSTALMENTS = {"15": 1, "30": 1, "60": 2, "90": 3}
DAYS_BETWEEN_INSTALMENTS = 30
HISTORY_TO = date(2017, 5, 31)
DATES = every_day(date(2017, 6, 1), date(2017, 7, 31))


def write_deliveries(
    source_dir: Path,
    landing: Path,
    *,
    history_to: date = HISTORY_TO,
    dates: tuple[date, ...] = DATES,
    file_format: str = "csv",
    compress: bool = True,
) -> Summary:
    """Read ``prior_loans.csv`` in ``source_dir`` and write its deliveries below ``landing``."""
    loans = read_loans(source_dir)
    no_amount = int((loans["loanamount"] == "").sum())
    return write_book(
        book_of(loans),
        landing,
        history_to=history_to,
        dates=dates,
        unusable={"loan_contract: no principal_amount": no_amount},
        file_format=file_format,
        compress=compress,
    )


def read_loans(source_dir: Path) -> pd.DataFrame:
    """``prior_loans.csv`` as text with the five timestamps cut to their local dates; amounts have two places."""
    loans = read_text(source_dir / "prior_loans.csv")
    for column in ("approveddate", "closeddate", "firstduedate", "firstrepaiddate"):
        loans[column] = local_dates(loans[column])
    for column in ("loanamount", "totaldue"):
        loans[column] = loans[column].map(exact_amount)
    return loans.sort_values(["approveddate", "systemloanid"], ignore_index=True)


def book_of(loans: pd.DataFrame) -> SourceBook:
    """The book of the frame that ``read_loans`` returns."""

    def contracts_on(day: date) -> pd.DataFrame:
        known = loans[loans["approveddate"] <= day.isoformat()]
        is_closed = known["closeddate"] <= day.isoformat()
        return pd.DataFrame(
            {
                "loan_id": known["systemloanid"],
                "borrower_id": known["customerid"],
                "product_code": "TERM_" + known["termdays"],
                "channel_code": known["referredby"].map(lambda referrer: "REFERRED" if referrer else "DIRECT"),
                "branch_code": "",
                "currency": CURRENCY,
                "timezone": TIMEZONE,
                "principal_amount": known["loanamount"],
                "annual_interest_rate": "",
                "instalment_count": known["termdays"].map(INSTALMENTS).astype(str),
                "repayment_method": known["termdays"].map(lambda term: "BULLET" if INSTALMENTS[term] == 1 else "OTHER"),
                "disbursement_date": known["approveddate"],
                "contract_status": is_closed.map({True: "CLOSED", False: "ACTIVE"}),
                "status_date": known["closeddate"].where(is_closed, ""),
            },
        )

    def balances_on(day: date) -> pd.DataFrame:
        known = loans[(loans["approveddate"] <= day.isoformat()) & (loans["loanamount"] != "")]
        return pd.DataFrame([_balance(loan, day) for loan in known.itertuples()])

    return SourceBook(
        balances_on=balances_on,
        contracts_on=contracts_on,
        schedules=pd.DataFrame([row for loan in loans.itertuples() for row in _instalments(loan)]),
        transactions=pd.DataFrame([row for loan in loans.itertuples() for row in _repayments(loan)]),
    )


def _instalments(loan: Any) -> list[dict[str, str]]:
    count = INSTALMENTS[loan.termdays]
    first_due = date.fromisoformat(loan.firstduedate)
    if loan.loanamount:
        principal = Decimal(loan.loanamount)
        principal_parts = [str(part) for part in equal_parts(principal, count)]
        interest_parts = [str(part) for part in equal_parts(Decimal(loan.totaldue) - principal, count)]
    else:  # without the amount nobody knows how the total divides
        principal_parts = interest_parts = [""] * count
    return [
        {
            "loan_id": loan.systemloanid,
            "schedule_version": "1",
            "schedule_effective_date": loan.approveddate,
            "version_reason_code": "ORIGINAL",
            "instalment_number": str(number + 1),
            "due_date": (first_due + timedelta(days=DAYS_BETWEEN_INSTALMENTS * number)).isoformat(),
            "principal_due_amount": principal_parts[number],
            "interest_due_amount": interest_parts[number],
            "fee_due_amount": "0.00",
            "penalty_due_amount": "0.00",
            "is_derived": "true" if count > 1 else "false",
        }
        for number in range(count)
    ]


def _repayments(loan: Any) -> list[dict[str, str]]:
    count = INSTALMENTS[loan.termdays]
    total = Decimal(loan.totaldue)
    if count == 1:
        paid = [(loan.closeddate, total)]
    else:
        first_instalment = _first_instalment(loan, total, count)
        paid = [(loan.firstrepaiddate, first_instalment), (loan.closeddate, total - first_instalment)]
    return [
        {
            "transaction_id": f"{loan.systemloanid}-{number}",
            "loan_id": loan.systemloanid,
            "value_date": paid_on,
            "booking_date": paid_on,
            "currency": CURRENCY,
            "amount": str(amount),
            "transaction_type": "REPAYMENT",
            "reversal_of_transaction_id": "",
            "method_code": "",
            "is_derived": "true",
        }
        for number, (paid_on, amount) in enumerate(paid, start=1)
    ]


def _balance(loan: Any, day: date) -> dict[str, str]:
    """What the lender's own book would say at the end of the day, by the file's dates: closed, or an instalment paid.

    Nothing is allocated here: a loan is repaid whole on its closing date, and its first instalment, where there are
    several, on the date of the first repayment.
    """
    instalments = _instalments(loan)
    today = day.isoformat()
    is_closed = loan.closeddate <= today
    paid = len(instalments) if is_closed else int(len(instalments) > 1 and loan.firstrepaiddate <= today)
    open_ones = instalments[paid:]
    late = [one for one in open_ones if one["due_date"] < today]
    total_open = sum((_due(one) for one in open_ones), Decimal(0))
    return {
        "loan_id": loan.systemloanid,
        "balance_date": today,
        "currency": CURRENCY,
        "principal_outstanding_amount": str(sum((Decimal(one["principal_due_amount"]) for one in open_ones), CENT_0)),
        "past_due_amount": str(sum((_due(one) for one in late), CENT_0)),
        "oldest_unpaid_due_date": late[0]["due_date"] if late else "",
        "paid_to_date_amount": str(Decimal(loan.totaldue) - total_open),
    }


def _due(instalment: dict[str, str]) -> Decimal:
    return Decimal(instalment["principal_due_amount"]) + Decimal(instalment["interest_due_amount"])


def _first_instalment(loan: Any, total: Decimal, count: int) -> Decimal:
    if not loan.loanamount:
        return equal_parts(total, count)[0]
    principal = Decimal(loan.loanamount)
    return equal_parts(principal, count)[0] + equal_parts(total - principal, count)[0]
