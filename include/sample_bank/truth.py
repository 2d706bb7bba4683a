"""What is true of each loan, written beside the landing, never into it: the answer key of the sample bank.

The figures come from the bank's own schedules and bookings by a plain formula that shares nothing with the warehouse:
cumulative dues of the schedule in force, against the payments that count towards it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from include.sample_bank.behaviours import BEHAVIOURS
from include.sample_bank.frames import amounts, identifiers
from include.sample_bank.lives import CLOSED, STATUSES, Lives
from include.sample_bank.schedules import Schedules

SCHEMAS = {
    "loans": pa.schema(
        [
            ("loan_id", pa.string()),
            ("borrower_id", pa.string()),
            ("behaviour", pa.string()),
            ("disbursement_date", pa.date32()),
            ("first_missed_due_date", pa.date32()),
            ("second_version_date", pa.date32()),
            ("final_status", pa.string()),
            ("final_status_date", pa.date32()),
        ]
    ),
    "positions": pa.schema(
        [
            ("as_of_date", pa.date32()),
            ("loan_id", pa.string()),
            ("contract_status", pa.string()),
            ("oldest_unpaid_due_date", pa.date32()),
            ("days_past_due", pa.int32()),
            ("past_due_amount", pa.decimal128(18, 2)),
            ("principal_outstanding_amount", pa.decimal128(18, 2)),
        ]
    ),
}
TOLERANCE_CENTS = 100  # an instalment short by at most one yuan is not past due


@dataclass(frozen=True)
class Books:
    """A block's schedules and bookings as plain rows; ``loan`` is the row in the block, amounts are cents."""

    dues: (
        pd.DataFrame
    )  # loan, version, effective_on, due_on, amount, principal, covered_by (running sum in the version)
    paid: pd.DataFrame  # loan, value_on, booked_on, cents


def books(lives: Lives) -> Books:
    """Flatten a block of lives."""
    rows = np.arange(len(lives.loans))
    dues = pd.concat(
        [
            _dues(lives.original, rows, 1, lives.loans.disbursed_on),
            _dues(lives.second.schedules, lives.second.rows, 2, lives.second.effective_on),
        ],
        ignore_index=True,
    )
    dues["covered_by"] = dues.groupby(["loan", "version"])["amount"].cumsum()
    bookings = lives.bookings
    columns = {"loan": bookings.loan, "value_on": bookings.value_on, "booked_on": bookings.booked_on}
    return Books(dues, pd.DataFrame({**columns, "cents": bookings.cents}))


def loan_facts(lives: Lives, flat: Books) -> pd.DataFrame:
    """One row per loan: who it is, how it behaves, when it first misses an instalment, how and when it ends."""
    loans = lives.loans
    second_on = pd.Series(lives.second.effective_on, index=lives.second.rows)
    return pd.DataFrame(
        {
            "loan_id": identifiers(loans.ids, "", 10).to_numpy(zero_copy_only=False),
            "borrower_id": identifiers(loans.corrected_borrowers, "C", 10).to_numpy(zero_copy_only=False),
            "behaviour": np.array(BEHAVIOURS)[lives.behaviours],
            "disbursement_date": _dates(loans.disbursed_on),
            "first_missed_due_date": _dates(_first_missed(flat, second_on).reindex(range(len(loans)))),
            "second_version_date": _dates(second_on.reindex(range(len(loans)))),
            "final_status": np.array(STATUSES)[lives.final_status],
            "final_status_date": _dates(lives.status_on),
        }
    )


def positions(lives: Lives, flat: Books, day: int) -> pd.DataFrame:
    """Days past due and what is owed at the end of ``day``, for every loan paid out by then, as known that day.

    What the tolerance leaves open counts only together with more: a loan short by cents is neither past due nor owed.
    """
    loans = lives.loans
    known = np.flatnonzero(loans.disbursed_on <= day)
    dues = flat.dues[flat.dues["effective_on"] <= day]
    in_force = dues.groupby("loan")["version"].transform("max")
    dues = dues[dues["version"] == in_force]
    since = dues.groupby("loan")[["version", "effective_on"]].first()
    paid = flat.paid[(flat.paid["value_on"] <= day) & (flat.paid["booked_on"] <= day)].join(since, on="loan")
    paid = paid[(paid["version"] == 1) | (paid["value_on"] >= paid["effective_on"])]
    received = dues["loan"].map(paid.groupby("loan")["cents"].sum()).fillna(0).astype("int64")
    unpaid = (dues["covered_by"] - received).clip(lower=0).clip(upper=dues["amount"])
    is_past = dues["due_on"] < day
    oldest = dues["due_on"].where(is_past & (unpaid > TOLERANCE_CENTS)).groupby(dues["loan"]).min().reindex(known)
    is_owed = (unpaid > TOLERANCE_CENTS).groupby(dues["loan"]).any().reindex(known)
    principal = unpaid.clip(upper=dues["principal"]).groupby(dues["loan"]).sum().reindex(known).where(is_owed, 0)
    past_due = unpaid.where(is_past, 0).groupby(dues["loan"]).sum().reindex(known).where(oldest.notna(), 0)
    has_ended = lives.status_on[known] <= day
    status = np.where(has_ended, lives.final_status[known], 0)
    return pd.DataFrame(
        {
            "as_of_date": _dates(np.full(len(known), day)),
            "loan_id": identifiers(loans.ids[known], "", 10).to_numpy(zero_copy_only=False),
            "contract_status": np.array(STATUSES)[status],
            "oldest_unpaid_due_date": _dates(oldest),
            "days_past_due": (day - oldest).fillna(0).astype("int64").to_numpy(),
            "past_due_amount": _amounts(past_due),
            "principal_outstanding_amount": _amounts(principal),
        }
    )


def _dues(schedules: Schedules, rows: np.ndarray, version: int, effective_on: np.ndarray) -> pd.DataFrame:
    loan, number = np.nonzero(schedules.exists)
    cell = (loan, number)
    return pd.DataFrame(
        {
            "loan": rows[loan],
            "version": version,
            "effective_on": effective_on[loan],
            "due_on": schedules.due_on[cell],
            "amount": schedules.amount[cell],
            "principal": schedules.principal[cell],
        }
    )


def _first_missed(flat: Books, second_on: pd.Series) -> pd.Series:
    """Due date of the first instalment not covered at the end of its due date, with all that is ever booked."""
    dues = flat.dues.copy()
    replaced_on = dues["loan"].map(second_on).fillna(np.inf)
    dues = dues[(dues["version"] == 2) | (dues["due_on"] < replaced_on)]
    paid = flat.paid.sort_values("value_on", kind="stable")
    first = _missed(dues[dues["version"] == 1], paid)
    later = paid[paid["value_on"] >= paid["loan"].map(second_on).fillna(np.inf)]
    second = _missed(dues[dues["version"] == 2], later)
    return pd.concat([first, second], axis=1).min(axis=1)


def _missed(dues: pd.DataFrame, paid: pd.DataFrame) -> pd.Series:
    running = paid.assign(received=paid.groupby("loan")["cents"].cumsum())[["loan", "value_on", "received"]]
    ordered = dues.sort_values("due_on", kind="stable")
    matched = pd.merge_asof(ordered, running, left_on="due_on", right_on="value_on", by="loan")
    short = matched["covered_by"] - matched["received"].fillna(0) > TOLERANCE_CENTS
    return matched[short].groupby("loan")["due_on"].min()


def _dates(days: np.ndarray | pd.Series) -> pd.Series:
    """Day numbers as dates; far days and gaps become null."""
    numbers = pd.Series(np.asarray(days, dtype="float64"))
    return pd.Series(pd.to_datetime(numbers, unit="D").dt.date)


def _amounts(cents: pd.Series) -> pd.Series:
    return pd.Series(amounts(cents.to_numpy(dtype="int64")).to_pylist(), dtype=object)


def portfolio_summary(positions_of_day: pd.DataFrame) -> dict[str, float]:
    """Shares that a risk manager knows a book by, over loans that are still open: on time, PAR30, beyond 90 days."""
    live = positions_of_day[positions_of_day["contract_status"] == "ACTIVE"]
    principal = live["principal_outstanding_amount"].astype(float)
    total = float(principal.sum())
    return {
        "live_loans": float(len(live)),
        "on_time": float((live["days_past_due"] == 0).mean()),
        "par30": float(principal[live["days_past_due"] > 30].sum()) / total,
        "over_90": float(principal[live["days_past_due"] > 90].sum()) / total,
        "closed": float((positions_of_day["contract_status"] == STATUSES[CLOSED]).mean()),
    }
