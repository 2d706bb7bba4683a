"""Superlender's short loans (Zindi, Nigeria 2016-17) as rows that ``models`` learns from.

What is known of a loan on the day it is approved: its terms, and the customer's own earlier loans as far as they had
been closed *before* that moment. Outcomes: ``good_bad_flag`` of the current loans, all approved in July 2017; for
earlier loans, which carry no flag, whether the first instalment was paid after its due date. Sex, birth year and
education are left where they are.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.features import BORROWER, MIXED, Feature
from models.train import Recipe, Rows

NAME = "superlender"
SEGMENT = "ALL"
RECENT = 3  # loans


def _feature(name: str, direction: int, origin: str = BORROWER) -> Feature:
    return Feature(name, origin, direction, name, name)


FEATURES = (
    _feature("loan_number", -1, MIXED),
    _feature("loan_amount", 0, MIXED),
    _feature("term_days", 0, MIXED),
    _feature("cost_share", 1, MIXED),
    _feature("earlier_loan_count", -1),
    _feature("first_late_share", 1),
    _feature("first_late_days_mean", 1),
    _feature("first_late_days_max", 1),
    _feature("first_late_days_last", 1),
    _feature("first_late_days_recent", 1),
    _feature("closed_late_days_mean", 1),
    _feature("closed_late_days_max", 1),
    _feature("closed_late_days_last", 1),
    _feature("closed_late_days_recent", 1),
    _feature("days_to_close_of_term_mean", 1),
    _feature("days_since_last_closed", 0),
    _feature("days_between_loans_mean", 0),
    _feature("amount_to_last", 0, MIXED),
    _feature("amount_to_largest", 0, MIXED),
    _feature("days_known", -1),
)


@dataclass(frozen=True)
class Book:
    """Rows of both files, in order of approval. ``known_on``: when the outcome of an earlier loan was known."""

    rows: Rows
    approved_on: NDArray[np.datetime64]
    known_on: NDArray[np.datetime64]
    is_current: NDArray[np.bool_]


def recipe(version: str) -> Recipe:
    """One card for all."""
    return Recipe(
        model_code="bad_loan",
        version=version,
        label_code="bad_loan",
        horizon_days=30,
        settlement_days=7,
        features=FEATURES,
        segments=(SEGMENT,),
        least_bads=200,
        population={"portfolio": ("SUPERLENDER_2017",)},
        watermark="PUBLIC_DATA",
    )


def read_book(folder: Path) -> Book:
    """Every loan with an approval, features as known at that moment."""
    earlier = _read(folder / "prior_loans.csv", ["approveddate", "closeddate", "firstduedate", "firstrepaiddate"])
    current = _read(folder / "current_loans.csv", ["approveddate"])
    due = pd.Timedelta(days=1)
    earlier["first_late_days"] = (earlier["firstrepaiddate"].dt.normalize() - earlier["firstduedate"]) / due
    last_due = earlier["firstduedate"] + pd.to_timedelta((earlier["termdays"] // 30 - 1).clip(lower=0) * 30, "D")
    earlier["closed_late_days"] = (earlier["closeddate"].dt.normalize() - last_due) / due
    earlier["days_to_close"] = (earlier["closeddate"] - earlier["approveddate"]) / due / earlier["termdays"]
    earlier["is_bad"] = earlier["first_late_days"] > 0
    current["is_bad"] = current["good_bad_flag"] == "Bad"
    loans = pd.concat([earlier.assign(is_current=False), current.assign(is_current=True)], ignore_index=True)
    loans = loans.sort_values(["approveddate", "systemloanid"], kind="stable", ignore_index=True)
    columns = _columns(loans, earlier)
    return Book(
        Rows(columns, loans["is_bad"].to_numpy(dtype=np.bool_), np.full(len(loans), SEGMENT, dtype=object)),
        loans["approveddate"].to_numpy(),
        loans[["closeddate", "firstrepaiddate"]].max(axis=1).to_numpy(),
        loans["is_current"].to_numpy(dtype=np.bool_),
    )


def _read(path: Path, moments: list[str]) -> pd.DataFrame:
    frame = pd.read_csv(path, parse_dates=moments, dtype={"customerid": str})
    return frame.drop_duplicates("systemloanid", ignore_index=True)


def _columns(loans: pd.DataFrame, earlier: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Each loan beside the earlier loans of its customer that had been closed before its approval."""
    pairs = loans[["customerid", "approveddate"]].reset_index(names="row").merge(
        earlier.drop(columns=["is_bad"]), on="customerid", suffixes=("", "_then")
    )  # fmt: skip
    is_known = (pairs["closeddate"] < pairs["approveddate"]) & (pairs["firstrepaiddate"] < pairs["approveddate"])
    pairs = pairs[is_known].sort_values(["row", "closeddate", "systemloanid"], kind="stable")
    grouped = pairs.groupby("row")
    last, recent = grouped.last(), pairs.groupby("row").tail(RECENT).groupby("row")
    day = pd.Timedelta(days=1)
    approved = loans["approveddate"]
    made = pd.DataFrame(index=loans.index)
    made["loan_number"] = loans["loannumber"]
    made["loan_amount"] = loans["loanamount"]
    made["term_days"] = loans["termdays"]
    made["cost_share"] = loans["totaldue"] / loans["loanamount"] - 1
    made["earlier_loan_count"] = grouped.size()
    made["earlier_loan_count"] = made["earlier_loan_count"].fillna(0)
    made["first_late_share"] = (pairs["first_late_days"] > 0).groupby(pairs["row"]).mean()
    for kind in ("first_late_days", "closed_late_days"):
        made[f"{kind}_mean"] = grouped[kind].mean()
        made[f"{kind}_max"] = grouped[kind].max()
        made[f"{kind}_last"] = last[kind]
        made[f"{kind}_recent"] = recent[kind].mean()
    made["days_to_close_of_term_mean"] = grouped["days_to_close"].mean()
    made["days_since_last_closed"] = (approved - last["closeddate"]) / day
    made["days_known"] = (approved - grouped["approveddate_then"].min()) / day
    made["days_between_loans_mean"] = made["days_known"] / made["earlier_loan_count"].replace(0, np.nan)
    made["amount_to_last"] = loans["loanamount"] / last["loanamount"]
    made["amount_to_largest"] = loans["loanamount"] / grouped["loanamount"].max()
    return {name: made[name].to_numpy(dtype=np.float64) for name in (feature.name for feature in FEATURES)}
