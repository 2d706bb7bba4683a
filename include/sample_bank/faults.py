"""What goes wrong on the way from a lender's systems: faults that a day's rows can be given on request.

A fault changes the rows of one table before they are written. Which rows is chance, seeded by the fault and the date.
What goes wrong with files and with the calendar is in ``damage.py`` and ``bank.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from include.errors import DeliveryError
from include.landing.contract import load_contracts
from include.landing.delivery_encoding import as_text
from include.sample_bank.poison import POISON, POISONED_AMOUNTS
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
    def named(cls, text: str) -> "Fault":
        """The fault in its usual place, or where ``name:system`` or ``name:system.table`` puts it.

        Raises DeliveryError naming the faults, or the tables, that exist.
        """
        name, _, place = text.partition(":")
        if name not in USUAL:
            raise DeliveryError(f"no fault is called {name!r}; there are: {', '.join(USUAL)}")
        if not place:
            return USUAL[name]
        system, _, table = place.partition(".")
        tables = {contract.table for contract in load_contracts() if contract.system == system}
        if not tables or (table and table not in tables):
            raise DeliveryError(f"{text}: {place} is nothing that is delivered; {system} has: {sorted(tables)}")
        return replace(USUAL[name], system=system, table=table or None)


PAYMENTS = ("payments", "repayment_transaction")
CONTRACTS = ("core_banking", "loan_contract")
SCHEDULES = ("core_banking", "repayment_schedule")
REPORTS = ("bureau", "bureau_report")

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
        Fault("unlawful_pulls", *REPORTS, share=0.02),
        Fault("pulls_after_closing", *REPORTS),
        Fault("unknown_borrowers", "accounts", "account_transaction", share=0.02),
        Fault("balances_off", "core_banking", "core_loan_balance", share=0.002),
        Fault("ledger_off", "general_ledger", "gl_balance", share=0.05),
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
UNKNOWN_LOAN, UNKNOWN_BORROWER = "99{:08d}", "C99{:08d}"
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
        frame.loc[row, _amount_column(draw)] = POISONED_AMOUNTS[(draw.day.toordinal() + offset) % len(POISONED_AMOUNTS)]
    return pa.Table.from_pandas(frame, preserve_index=False)


def _amount_column(draw: Draw) -> str:
    """The column whose sum the manifest states."""
    for contract in load_contracts():
        if contract.table == draw.fault.table and contract.control_column is not None:
            return contract.control_column
    raise DeliveryError(f"{draw.fault.name}: {draw.fault.table} states no amount that is summed")


def _unknown_loans(rows: pa.Table, draw: Draw) -> pa.Table:
    """Copies of real transactions, for loans that the core system has never heard of."""
    extra = rows.take(pa.array(draw.rows(rows.num_rows))).to_pandas(date_as_object=True)
    if "transaction_type" in extra:
        extra = extra[extra["transaction_type"] == "REPAYMENT"].reset_index(drop=True)
    extra["loan_id"] = [UNKNOWN_LOAN.format(draw.day.toordinal() % 10_000 * 1_000 + row) for row in extra.index]
    extra[rows.column_names[0]] = [f"X{loan_id}" for loan_id in extra["loan_id"]]
    return pa.concat_tables([rows, pa.Table.from_pandas(extra, schema=rows.schema, preserve_index=False)])


def _unknown_borrowers(rows: pa.Table, draw: Draw) -> pa.Table:
    """Some rows name a borrower whom nobody knows."""
    borrowers = rows.column("borrower_id").to_pylist()
    for row in draw.rows(rows.num_rows):
        borrowers[row] = UNKNOWN_BORROWER.format(row)
    return _with_column(rows, "borrower_id", pa.array(borrowers, pa.string()))


def _unlawful_pulls(rows: pa.Table, draw: Draw) -> pa.Table:
    """Some pulls were made without consent, others state no purpose."""
    consent, purpose = (rows.column(name).to_pylist() for name in ("consent_id", "inquiry_purpose_code"))
    for offset, row in enumerate(draw.rows(rows.num_rows)):
        (consent, purpose)[offset % 2][row] = None
    changed = _with_column(rows, "consent_id", pa.array(consent, pa.string()))
    return _with_column(changed, "inquiry_purpose_code", pa.array(purpose, pa.string()))


def _balances_off(rows: pa.Table, draw: Draw) -> pa.Table:
    """Some balances are ten yuan higher than they should be: the books do not agree."""
    name = _amount_column(draw)
    values = rows.column(name).to_pylist()
    for row in draw.rows(rows.num_rows):
        values[row] = values[row] + 10
    return _with_column(rows, name, pa.array(values, rows.schema.field(name).type))


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
    name = "branch_code" if draw.fault.table == "loan_contract" else "currency"
    return rows.drop_columns([name if name in rows.column_names else rows.column_names[-1]])


def _renamed_column(rows: pa.Table, draw: Draw) -> pa.Table:
    old, new = ("due_date", "due_dt") if draw.fault.table == "repayment_schedule" else ("currency", "ccy")
    if old not in rows.column_names:
        old, new = rows.column_names[1], f"{rows.column_names[1]}_1"
    return rows.rename_columns({old: new})


def _misstated(rows: pa.Table, draw: Draw) -> pa.Table:
    """Some amounts are ten yuan too high, some rows are missing: what a later correction puts right."""
    chosen = draw.rows(rows.num_rows)
    name = _amount_column(draw)
    column = rows.column(name).to_pylist()
    for row in chosen:
        if column[row] is not None:
            column[row] = column[row] + (10 if column[row] >= 0 else -10)
    changed = _with_column(rows, name, pa.array(column, rows.schema.field(name).type))
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
    "unlawful_pulls": _unlawful_pulls,
    "unknown_borrowers": _unknown_borrowers,
    "balances_off": _balances_off,
    "ledger_off": _balances_off,
    "corrected": _misstated,
}


def _with_column(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, values)


def _text_frame(rows: pa.Table) -> pd.DataFrame:
    """Everything as text, so that any text can stand anywhere."""
    text = as_text(rows)
    frame: pd.DataFrame = pa.table([column.cast(pa.string()) for column in text.columns], text.column_names).to_pandas()
    return frame
