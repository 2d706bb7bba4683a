"""Lives as the source systems deliver them: the rows of a delivery as Arrow tables, exact types throughout."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.sample_bank.lives import ACTIVE, STATUSES, Lives
from include.sample_bank.loans import BRANCHES, CHANNELS, METHODS, NEVER, PRODUCTS, UNSTATED_RATE
from include.sample_bank.randomness import Cents, Days, Ids
from include.sample_bank.repayments import METHODS as PAYMENT_METHODS
from include.sample_bank.repayments import PAYMENT, REVERSAL
from include.sample_bank.schedules import Schedules
from include.sample_bank.second_versions import REASONS

CURRENCY, TIMEZONE = "CNY", "Asia/Shanghai"


def loan_contract(lives: Lives, day: int) -> pa.Table:
    """The full extract of the loans paid out by ``day``, as the core system sees them at its end."""
    loans = lives.loans
    known = np.flatnonzero(loans.disbursed_on <= day)
    has_ended = lives.status_on[known] <= day
    status = np.where(has_ended, lives.final_status[known], ACTIVE)
    borrowers = np.where(loans.borrower_corrected_on <= day, loans.corrected_borrowers, loans.borrowers)
    rates = loans.rates[known]
    return pa.table(
        {
            "loan_id": identifiers(loans.ids[known], "", 10),
            "borrower_id": identifiers(borrowers[known], "C", 10),
            "product_code": codes(loans.products[known], [product[0] for product in PRODUCTS]),
            "channel_code": codes(loans.channels[known], CHANNELS),
            "branch_code": codes(loans.branches[known], BRANCHES),
            "currency": same(CURRENCY, len(known)),
            "timezone": same(TIMEZONE, len(known)),
            "principal_amount": amounts(loans.principals[known]),
            "annual_interest_rate": decimals(rates, pa.decimal128(9, 6), rates == UNSTATED_RATE),
            "instalment_count": pa.array(loans.instalment_counts[known].astype(np.int32)),
            "repayment_method": codes(loans.methods[known], METHODS),
            "disbursement_date": dates(loans.disbursed_on[known]),
            "contract_status": codes(status, STATUSES),
            "status_date": dates(lives.status_on[known], ~has_ended),
        }
    )


def repayment_schedule(lives: Lives, after: int, until: int) -> pa.Table:
    """The schedule versions delivered on the days ``after < day <= until``, each as it stands on the last of them.

    A version that was wrong at first (no fee, too little interest) comes wrong with its loan and right some days later.
    """
    loans, second = lives.loans, lives.second
    new = (loans.disbursed_on > after) & (loans.disbursed_on <= until)
    fixed = (lives.schedule_fixed_on > after) & (lives.schedule_fixed_on <= until)
    still_wrong = ((lives.schedule_fixed_on > until) & (lives.schedule_fixed_on < NEVER))[:, None]
    first = replace(
        lives.original,
        interest=np.where(still_wrong, lives.original.interest * 9 // 10, lives.original.interest),
        fee=np.where(still_wrong, 0, lives.original.fee),
    )
    original_reason = np.zeros(len(loans), dtype=np.int64)
    changed = (second.effective_on > after) & (second.effective_on <= until)
    return pa.concat_tables(
        [
            _units(1, loans.ids, loans.disbursed_on, original_reason, first.where(new | fixed)),
            _units(2, loans.ids[second.rows], second.effective_on, second.reasons, second.schedules.where(changed)),
        ]
    )


def repayment_transaction(lives: Lives, after: int, until: int) -> pa.Table:
    """The transactions booked on the days ``after < day <= until``."""
    chosen = np.flatnonzero((lives.bookings.booked_on > after) & (lives.bookings.booked_on <= until))
    bookings = lives.bookings.of(chosen)
    ids = lives.loans.ids[bookings.loan]
    is_reversal = bookings.part == REVERSAL
    return pa.table(
        {
            "transaction_id": _transaction_ids(ids, bookings.version, bookings.number, bookings.part),
            "loan_id": identifiers(ids, "", 10),
            "value_date": dates(bookings.value_on),
            "booking_date": dates(bookings.booked_on),
            "currency": same(CURRENCY, len(chosen)),
            "amount": amounts(bookings.cents),
            "transaction_type": codes(is_reversal.astype(np.int64), ("REPAYMENT", "REVERSAL")),
            "reversal_of_transaction_id": pc.if_else(
                pa.array(is_reversal),
                _transaction_ids(ids, bookings.version, bookings.number, np.full(len(chosen), PAYMENT)),
                pa.scalar(None, pa.string()),
            ),
            "method_code": codes(lives.payment_methods[chosen], PAYMENT_METHODS),
            "is_derived": same(False, len(chosen)),
        }
    )


def identifiers(ids: Ids, prefix: str, digits: int) -> pa.Array:
    """Numbers as text with leading zeros, which nobody may lose."""
    padded = pc.utf8_lpad(pa.array(ids).cast(pa.string()), digits, "0")
    return pc.binary_join_element_wise(prefix, padded, "") if prefix else padded


def amounts(cents: Cents) -> pa.Array:
    """Cents as decimal(18,2)."""
    return decimals(cents, pa.decimal128(18, 2))


def dates(days: Days, is_null: NDArray[np.bool_] | None = None) -> pa.Array:
    """Day numbers as dates."""
    return pa.array(days.astype(np.int32), mask=is_null).cast(pa.date32())


def _units(version: int, ids: Ids, effective_on: Days, reasons: NDArray[np.int64], schedules: Schedules) -> pa.Table:
    """The rows of these schedules, loan by loan and instalment by instalment."""
    loan, number = np.nonzero(schedules.exists)
    texts = identifiers(ids, "", 10)
    cell = (loan, number)
    return pa.table(
        {
            "loan_id": texts.take(pa.array(loan)),
            "schedule_version": pa.array(np.full(len(loan), version, dtype=np.int32)),
            "schedule_effective_date": dates(effective_on[loan]),
            "version_reason_code": codes(reasons[loan], REASONS),
            "instalment_number": pa.array((number + 1).astype(np.int32)),
            "due_date": dates(schedules.due_on[cell]),
            "principal_due_amount": amounts(schedules.principal[cell]),
            "interest_due_amount": amounts(schedules.interest[cell]),
            "fee_due_amount": amounts(schedules.fee[cell]),
            "penalty_due_amount": amounts(schedules.penalty[cell]),
            "is_derived": same(False, len(loan)),
        }
    )


def _transaction_ids(
    ids: Ids, versions: NDArray[np.int64], numbers: NDArray[np.int64], parts: NDArray[np.int64]
) -> pa.Array:
    """Loan, schedule version, instalment, part: the same transaction has the same id whenever it is delivered."""
    tail = versions * 1_000 + numbers * 10 + parts
    return identifiers(ids * np.uint64(10_000) + tail.astype(np.uint64), "T", 14)


def decimals(units: NDArray[np.int64], kind: pa.DataType, is_null: NDArray[np.bool_] | None = None) -> pa.Array:
    """Whole units of the last decimal place as decimals, without a detour through text or floats."""
    words = np.empty((len(units), 2), dtype=np.int64)
    words[:, 0] = units
    words[:, 1] = units >> 63  # the upper half carries the sign
    exact = pa.Array.from_buffers(kind, len(units), [None, pa.py_buffer(words.tobytes())])
    return exact if is_null is None else pc.if_else(pa.array(is_null), pa.scalar(None, kind), exact)


def codes(
    indexes: NDArray[np.int64], names: Sequence[str | None], is_null: NDArray[np.bool_] | None = None
) -> pa.Array:
    """The name that each index stands for."""
    return pa.array(list(names), pa.string()).take(pa.array(indexes, mask=is_null))


def same(value: str | bool, count: int) -> pa.Array:
    """One value for every row."""
    return pa.repeat(value, count)
