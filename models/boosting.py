"""Learning: gradient boosting that may only move in the declared directions.

The champion is additive (no interactions), one fit a segment: it can be written down as points. The challenger may
combine features; it shows what additivity costs and runs in shadow. Same rows, same parameters: the same model, on one
thread or two (measured; no row is sampled and nothing stops early).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.features import Feature, refuse_unfit

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Boosting:
    """Parameters of a fit, fixed; the challenger's rounds were lowered once, when 300 at .04 had learned too much."""

    rounds: int = 500
    learning_rate: float = 0.03
    leaves: int = 8
    rows_in_leaf: int = 80
    l2: float = 5.0
    bins: int = 63


CHAMPION = Boosting()
CHALLENGER = Boosting(rounds=200, leaves=15)


def fit_additive(values: Floats, is_bad: Bools, features: Sequence[Feature], how: Boosting = CHAMPION) -> Any:
    """The champion's model of one segment: every tree reads one feature. values: rows x features, NaN is missing."""
    return _fit(values, is_bad, features, how, interactions="no_interactions")


def fit_full(values: Floats, is_bad: Bools, features: Sequence[Feature], how: Boosting = CHALLENGER) -> Any:
    """The challenger: trees may combine features, each still monotone in its declared direction."""
    return _fit(values, is_bad, features, how, interactions=None)


def probabilities(model: Any, values: Floats) -> Floats:
    """The probability of bad of each row by a fitted model."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="openmp"):
        return np.asarray(model.predict_proba(values)[:, 1], dtype=np.float64)


def _fit(values: Floats, is_bad: Bools, features: Sequence[Feature], how: Boosting, interactions: str | None) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    refuse_unfit(features)
    if values.shape != (len(is_bad), len(features)):
        raise ValueError(f"{values.shape} values for {len(is_bad)} rows and {len(features)} features")
    bads = int(is_bad.sum())
    if not 0 < bads < len(is_bad):
        raise ValueError(f"{bads} bads of {len(is_bad)} rows: both classes are wanted")
    model = HistGradientBoostingClassifier(
        max_iter=how.rounds,
        learning_rate=how.learning_rate,
        max_leaf_nodes=how.leaves,
        min_samples_leaf=how.rows_in_leaf,
        l2_regularization=how.l2,
        max_bins=how.bins,
        interaction_cst=interactions,
        monotonic_cst=[feature.direction for feature in features],
        early_stopping=False,
        random_state=0,
    )
    # a source that says nothing of anybody teaches nothing; scikit-learn cannot bin a column without a single value
    told = np.where(np.isnan(values).all(axis=0), 0.0, values)
    # one thread: OpenMP's waiting threads make a fit ten times as long on a busy machine
    with threadpool_limits(1, user_api="openmp"):
        return model.fit(told, is_bad)
