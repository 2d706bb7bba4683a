"""UCI "default of credit card clients" (Yeh and Lien 2009, CC BY 4.0) as rows that ``models`` learns from.

Six months of status, bill and payment; bad is default in the seventh. Sex, education, marriage and age are left where
they are. Month 1 is the latest.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.features import BORROWER, MIXED, Feature
from models.train import Recipe, Rows

NAME = "taiwan"
MONTHS = range(1, 7)
STATUS = ["PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"]
NOT_LATE, LATE = "NOT_LATE_NOW", "LATE_NOW"


def _feature(name: str, direction: int, origin: str = BORROWER) -> Feature:
    return Feature(name, origin, direction, name, name)


FEATURES = (
    *(_feature(f"months_late_{month}", 1) for month in MONTHS),
    _feature("months_late_max_6", 1),
    _feature("months_late_max_3", 1),
    _feature("months_late_sum", 1),
    _feature("months_late_weighted", 1),
    _feature("late_count_6", 1),
    _feature("late_twice_count_6", 1),
    _feature("months_since_late", -1),
    _feature("paid_in_full_count_6", -1),
    _feature("no_use_count_6", 0),
    *(_feature(f"utilisation_{month}", 1) for month in (1, 2, 3)),
    _feature("utilisation_mean", 1),
    _feature("utilisation_max", 1),
    _feature("utilisation_trend", 1),
    *(_feature(f"paid_share_{month}", -1) for month in range(1, 6)),
    _feature("paid_share_mean", -1),
    _feature("paid_share_min", -1),
    _feature("no_payment_count_6", 1),
    *(_feature(f"paid_amount_{month}", -1) for month in MONTHS),
    _feature("paid_amount_max", -1),
    _feature("paid_of_limit", -1),
    _feature("bill_amount_1", 0),
    _feature("bill_change_3", 0),
    _feature("limit_amount", -1, MIXED),
)


def recipe(version: str) -> Recipe:
    """One card for those who are late now, one for all others."""
    return Recipe(
        model_code="default_next_month",
        version=version,
        label_code="default_next_month",
        horizon_days=30,
        settlement_days=0,
        features=FEATURES,
        segments=(NOT_LATE, LATE),
        least_bads=200,
        population={"portfolio": ("UCI_TAIWAN_2005",)},
        watermark="PUBLIC_DATA",
    )


def read_rows(folder: Path) -> tuple[Rows, dict[str, NDArray[np.bool_]]]:
    """All 30,000 customers, and the slices of them that figures are told for."""
    frame = pd.read_csv(folder / "UCI_Credit_Card.csv").sort_values("ID", ignore_index=True)
    status = frame[STATUS].to_numpy(dtype=np.float64)
    bill = frame[[f"BILL_AMT{month}" for month in MONTHS]].to_numpy(dtype=np.float64)
    paid = frame[[f"PAY_AMT{month}" for month in MONTHS]].to_numpy(dtype=np.float64)
    limit = frame["LIMIT_BAL"].to_numpy(dtype=np.float64)
    late = np.maximum(status, 0)
    used = bill / limit[:, None]
    # what was paid in a month against the bill of the month before it; no bill, no share
    owed = np.where(bill[:, 1:] > 0, bill[:, 1:], np.nan)
    share = np.minimum(paid[:, :5] / owed, 2)
    has_bill = ~np.isnan(share)
    count = has_bill.sum(axis=1)
    mean = np.divide(np.where(has_bill, share, 0).sum(axis=1), count, out=np.full(len(share), np.nan), where=count > 0)
    least = np.where(count > 0, np.where(has_bill, share, np.inf).min(axis=1), np.nan)
    is_late = late > 0
    columns = {
        **{f"months_late_{month}": status[:, month - 1] for month in MONTHS},
        "months_late_max_6": late.max(axis=1),
        "months_late_max_3": late[:, :3].max(axis=1),
        "months_late_sum": late.sum(axis=1),
        "months_late_weighted": late @ np.array([1, 0.7, 0.5, 0.35, 0.25, 0.18]),
        "late_count_6": is_late.sum(axis=1).astype(np.float64),
        "late_twice_count_6": (late >= 2).sum(axis=1).astype(np.float64),
        "months_since_late": np.where(is_late.any(axis=1), is_late.argmax(axis=1), 6).astype(np.float64),
        "paid_in_full_count_6": (status == -1).sum(axis=1).astype(np.float64),
        "no_use_count_6": (status == -2).sum(axis=1).astype(np.float64),
        **{f"utilisation_{month}": used[:, month - 1] for month in (1, 2, 3)},
        "utilisation_mean": used.mean(axis=1),
        "utilisation_max": used.max(axis=1),
        "utilisation_trend": used[:, 0] - used[:, 5],
        **{f"paid_share_{month}": share[:, month - 1] for month in range(1, 6)},
        "paid_share_mean": mean,
        "paid_share_min": least,
        "no_payment_count_6": (paid == 0).sum(axis=1).astype(np.float64),
        **{f"paid_amount_{month}": paid[:, month - 1] for month in MONTHS},
        "paid_amount_max": paid.max(axis=1),
        "paid_of_limit": paid.sum(axis=1) / limit,
        "bill_amount_1": bill[:, 0],
        "bill_change_3": bill[:, 0] - bill[:, 3],
        "limit_amount": limit,
    }
    is_bad = frame["default.payment.next.month"].to_numpy() == 1
    is_late_now = status[:, 0] >= 1
    slices = {
        "all": np.ones(len(frame), dtype=np.bool_),
        "not late now": ~is_late_now,
        "never late in 6 months": ~is_late.any(axis=1),
        "late now": is_late_now,
    }
    return Rows(columns, is_bad, np.where(is_late_now, LATE, NOT_LATE).astype(object)), slices
