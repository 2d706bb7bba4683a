"""Borrowers whose true risk is known by formula, for tests of learning and scoring."""

import numpy as np

from models.features import Feature
from models.train import Recipe, Rows

FEATURES = (
    Feature("late_count_6m", "BORROWER", 1, "近6个月多次逾期", "late several times in six months"),
    Feature("paid_share_6m", "BORROWER", -1, "近6个月还款比例低", "little of what was due was paid in six months"),
    Feature("inquiry_count_3m", "BORROWER", 1, "近3个月查询频繁", "many inquiries by other lenders in three months"),
    Feature("utilisation_rate", "BORROWER", 1, "额度使用率高", "most of the limit is used"),
    Feature("noise", "MIXED", 0, "其他", "other"),
)
SEGMENTS = ("CURRENT", "LATE")


def rows(count: int = 6000, seed: int = 4) -> Rows:
    """Loans of both segments; the late are worse; a tenth of the inquiries is missing, which by itself is bad."""
    random = np.random.default_rng(seed)
    is_late = random.random(count) < 0.35
    columns = {
        "late_count_6m": random.poisson(0.4 + 1.5 * is_late).astype(float),
        "paid_share_6m": np.round(random.beta(5, 1.5, count), 3),
        "inquiry_count_3m": random.poisson(2, count).astype(float),
        "utilisation_rate": np.round(random.random(count), 3),
        "noise": random.normal(size=count),
    }
    is_missing = random.random(count) < 0.1
    logit = (
        -2.6
        + 0.8 * np.minimum(columns["late_count_6m"], 4)
        - 2.0 * (columns["paid_share_6m"] - 0.75)
        + np.where(is_missing, 0.9, 0.25 * columns["inquiry_count_3m"])
        + 1.2 * (columns["utilisation_rate"] > 0.8)
    )
    columns["inquiry_count_3m"][is_missing] = np.nan
    is_bad = random.random(count) < 1 / (1 + np.exp(-logit))
    return Rows(columns, is_bad, np.where(is_late, "LATE", "CURRENT").astype(object))


def recipe(**changes: object) -> Recipe:
    """The recipe of a model for these rows."""
    usual = {
        "model_code": "late30_in_90d", "version": "2026.1", "label_code": "late30_in_90d", "horizon_days": 90,
        "settlement_days": 7, "features": FEATURES, "segments": SEGMENTS, "least_bads": 200,
        "population": {"currency": ("CNY",), "product_code": ("CASH", "CARD")}, "watermark": None,
    }  # fmt: skip
    return Recipe(**(usual | changes))  # type: ignore[arg-type]
