"""What goes wrong on the way from a lender's systems: faults that a day's rows can be given on request.

A fault changes the rows of one table before they are written. Which rows is chance, seeded by the fault and the date.
What goes wrong with files and with the calendar is in ``damage.py`` and ``bank.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from include.errors import DeliveryError
from include.landing.delivery_encoding import as_text
from include.sample_bank.randomness import Chance


@dataclass(frozen=True)
class Fault:
    """One fault of one day. ``share``: of the rows; ``days``: until it is made good, or how far dates are off."""

    name: str
    system: str
    table: str | None = None
    share: float = 0.05
    days: int = 2

    @classmethod
    def named(cls, name: str) -> "Fault":
        """The fault in its usual place. Raises DeliveryError naming the faults that exist."""
        if name not in USUAL:
            raise DeliveryError(f"no fault is called {name!r}; there are: {', '.join(USUAL)}")
        return USUAL[name]


PAYMENTS = ("payments", "repayment_transaction")
CONTRACTS = ("core_banking", "loan_contract")
SCHEDULES = ("core_banking", "repayment_schedule")

USUAL: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        # rows: the delivery lands, some rows are quarantined, repeated or strange
        Fault("duplicated_rows", *PAYMENTS, share=0.1),
        Fault("poisoned_rows", *PAYMENTS, share=0.01),
        Fault("poisoned_amounts", *PAYMENTS, share=0.01),
        Fault("poisoned_schedule", *SCHEDULES, share=0.01),
        Fault("poisoned_contract", *CONTRACTS, share=0.005),
        Fault("unknown_loans", *PAYMENTS, share=0.05),
        Fault("backdated_payments", *PAYMENTS, share=0.3),
        Fault("future_value_dates", *PAYMENTS, share=0.1),
        Fault("schedule_before_contract", *CONTRACTS),
        Fault("added_column", *CONTRACTS),
        Fault("misstated", *PAYMENTS, share=0.1),
        Fault("misstated_contract", *CONTRACTS, share=0.03),
        # rows: the delivery is refused
        Fault("missing_column", *CONTRACTS),
        Fault("renamed_column", *PAYMENTS),
        Fault("half_poisoned", *PAYMENTS, share=0.5),
        # files
        Fault("duplicate_file", *PAYMENTS),
        Fault("truncated_file", *CONTRACTS),
        Fault("short_file", *PAYMENTS),
        Fault("wrong_digest", *PAYMENTS),
        Fault("wrong_row_count", *PAYMENTS),
        Fault("wrong_control_total", *PAYMENTS),
        Fault("wrong_encoding", *CONTRACTS),
        # calendar
        Fault("late", "payments"),
        Fault("missing", "payments"),
        Fault("corrected", *PAYMENTS, share=0.1),
        Fault("repeated_day", "payments"),  # yesterday's rows come again with today's
    )
}
# half_poisoned is refused only when it has more bad rows than a small delivery may lose
REFUSED = frozenset(
    {
        "missing_column",
        "renamed_column",
        "half_poisoned",
        "truncated_file",
        "short_file",
        "wrong_digest",
        "wrong_row_count",
        "wrong_control_total",
        "wrong_encoding",
    }
)
UNKNOWN_LOAN = "99{:08d}"
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """The chance of one fault on one day."""

    fault: Fault
    day: date
    chance: Chance

    def rows(self, count: int, share: float | None = None, what: str = "rows") -> Rows:
        """Some of ``count`` rows: the share of them, but at least one when there is one."""
        if count == 0:
            return np.empty(0, dtype=np.int64)
        uniform = self.chance.uniform(np.arange(count, dtype=np.uint64), self._purpose(what))
        chosen = np.flatnonzero(uniform < (self.fault.share if share is None else share))
        return chosen if len(chosen) else np.array([uniform.argmin()])

    def _purpose(self, what: str) -> str:
        return f"{self.fault.name}:{self.fault.table}:{self.day.isoformat()}:{what}"


def apply_fault(rows: pa.Table, draw: Draw) -> pa.Table:
    """The rows with the fault in them; unchanged when the fault is not one of rows."""
    change = ROW_FAULTS.get(draw.fault.name)
    return rows if change is None else change(rows, draw)


def _duplicated_rows(rows: pa.Table, draw: Draw) -> pa.Table:
    return pa.concat_tables([rows, rows.take(pa.array(draw.rows(rows.num_rows)))])


# What the sources of other lenders have really sent, by column. No column of the control total is among them.
POISON: dict[str, dict[str, tuple[str, ...]]] = {
    "repayment_transaction": {
        "value_date": ("2026-02-30", "05/01/2026", "", "26-1-5", "2026-01-05T00:00:00Z"),
        "booking_date": ("20260105", "0000-00-00"),
        "currency": ("cny", "RMB ", "人民币"),
        "transaction_type": ("repayment", "REFUND"),
        "loan_id": ("",),
        "is_derived": ("Y", "0"),
    },
    "repayment_schedule": {
        "due_date": ("2026-13-01", "31.12.2026", "N/A"),
        "interest_due_amount": ("1,234.50", "1e3", "NaN", "12.345", "１２", " 5 ", "-1.00", "Infinity"),
        "instalment_number": ("0", "1.0", "第1期"),
        "version_reason_code": ("original", ""),
    },
    "loan_contract": {
        "annual_interest_rate": ("7.2%", "0.12345678", "-0.01"),
        "instalment_count": ("12.5", "-1", "十二"),
        "disbursement_date": ("01/02/2026", "2025-02-29"),
        "contract_status": ("active", "正常"),
        "timezone": ("GMT+8 北京", ""),
    },
}
# The same for the amounts themselves: what cannot be read as an amount counts nothing in anybody's total.
POISONED_AMOUNTS = ("1,234.50", "1e3", "NaN", "12.345", "１２", " 5 ", "", "12345678901234567890.00")


def _poisoned_rows(rows: pa.Table, draw: Draw) -> pa.Table:
    assert draw.fault.table is not None
    frame, chosen = _text_frame(rows), draw.rows(rows.num_rows)
    kinds = [(column, value) for column, values in POISON[draw.fault.table].items() for value in values]
    first = draw.chance.whole(np.zeros(1, dtype=np.uint64), f"poison {draw.day}", 0, len(kinds) - 1)[0]
    for offset, row in enumerate(chosen):
        column, value = kinds[(int(first) + offset) % len(kinds)]
        frame.loc[row, column] = value
    return pa.Table.from_pandas(frame, preserve_index=False)


def _poisoned_amounts(rows: pa.Table, draw: Draw) -> pa.Table:
    frame, chosen = _text_frame(rows), draw.rows(rows.num_rows)
    for offset, row in enumerate(chosen):
        frame.loc[row, "amount"] = POISONED_AMOUNTS[(draw.day.toordinal() + offset) % len(POISONED_AMOUNTS)]
    return pa.Table.from_pandas(frame, preserve_index=False)


def _unknown_loans(rows: pa.Table, draw: Draw) -> pa.Table:
    """Copies of real transactions, for loans that the core system has never heard of."""
    extra = rows.take(pa.array(draw.rows(rows.num_rows))).to_pandas(date_as_object=True)
    extra = extra[extra["transaction_type"] == "REPAYMENT"].reset_index(drop=True)
    extra["loan_id"] = [UNKNOWN_LOAN.format(draw.day.toordinal() % 10_000 * 1_000 + row) for row in extra.index]
    extra["transaction_id"] = [f"X{loan_id}" for loan_id in extra["loan_id"]]
    return pa.concat_tables([rows, pa.Table.from_pandas(extra, schema=rows.schema, preserve_index=False)])


def _backdated_payments(rows: pa.Table, draw: Draw) -> pa.Table:
    """Value dates 1, 7 and 40 days before the booking."""
    return _value_dates_moved(rows, draw, (-1, -7, -40))


def _future_value_dates(rows: pa.Table, draw: Draw) -> pa.Table:
    return _value_dates_moved(rows, draw, (1, 3, 10))


def _value_dates_moved(rows: pa.Table, draw: Draw, days: tuple[int, ...]) -> pa.Table:
    dates = rows.column("value_date").to_pylist()
    booked = rows.column("booking_date").to_pylist()
    for offset, row in enumerate(draw.rows(rows.num_rows)):
        dates[row] = booked[row] + timedelta(days=days[offset % len(days)])
    return _with_column(rows, "value_date", pa.array(dates, pa.date32()))


def _schedule_before_contract(rows: pa.Table, draw: Draw) -> pa.Table:
    """The contracts of the day are not in the extract yet; their schedules are already there."""
    return rows.filter(pa.compute.not_equal(rows.column("disbursement_date"), pa.scalar(draw.day, pa.date32())))


def _added_column(rows: pa.Table, draw: Draw) -> pa.Table:
    return rows.append_column("extract_batch_no", pa.repeat(f"批次{draw.day:%Y%m%d}", rows.num_rows))


def _missing_column(rows: pa.Table, draw: Draw) -> pa.Table:
    return rows.drop_columns(["branch_code" if draw.fault.table == "loan_contract" else "currency"])


def _renamed_column(rows: pa.Table, draw: Draw) -> pa.Table:
    old, new = ("due_date", "due_dt") if draw.fault.table == "repayment_schedule" else ("currency", "ccy")
    return rows.rename_columns({old: new})


def _misstated(rows: pa.Table, draw: Draw) -> pa.Table:
    """Some amounts are ten yuan too high, some rows are missing: what a later correction puts right."""
    chosen = draw.rows(rows.num_rows)
    column = rows.column("amount").to_pylist()
    kinds = rows.column("transaction_type").to_pylist()
    for row in chosen:
        column[row] = column[row] + (10 if kinds[row] == "REPAYMENT" else -10)
    changed = _with_column(rows, "amount", pa.array(column, rows.schema.field("amount").type))
    return changed.take(pa.array(np.setdiff1d(np.arange(rows.num_rows), draw.rows(rows.num_rows, 0.05, "missing"))))


def _misstated_contract(rows: pa.Table, draw: Draw) -> pa.Table:
    """Some loans stand under another branch: a full extract that is wrong for a day."""
    branches = rows.column("branch_code").to_pylist()
    for row in draw.rows(rows.num_rows):
        branches[row] = "总行0000"
    return _with_column(rows, "branch_code", pa.array(branches, pa.string()))


ROW_FAULTS: dict[str, Callable[[pa.Table, Draw], pa.Table]] = {
    "duplicated_rows": _duplicated_rows,
    "poisoned_rows": _poisoned_rows,
    "poisoned_amounts": _poisoned_amounts,
    "poisoned_schedule": _poisoned_rows,
    "poisoned_contract": _poisoned_rows,
    "half_poisoned": _poisoned_rows,
    "unknown_loans": _unknown_loans,
    "backdated_payments": _backdated_payments,
    "future_value_dates": _future_value_dates,
    "schedule_before_contract": _schedule_before_contract,
    "added_column": _added_column,
    "missing_column": _missing_column,
    "renamed_column": _renamed_column,
    "misstated": _misstated,
    "misstated_contract": _misstated_contract,
    "corrected": _misstated,
}


def _with_column(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, values)


def _text_frame(rows: pa.Table) -> pd.DataFrame:
    """Everything as text, so that any text can stand anywhere."""
    text = as_text(rows)
    frame: pd.DataFrame = pa.table([column.cast(pa.string()) for column in text.columns], text.column_names).to_pandas()
    return frame
