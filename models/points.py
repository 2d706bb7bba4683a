"""Points of a card for rows in memory: what training, evaluation and the daily score share."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.card import MILLION, Calibration, CardFeature, SegmentCard
from models.card_check import POINTS_PER_LOGIT

Floats = NDArray[np.float64]
Points = NDArray[np.int64]


def feature_points(feature: CardFeature, values: Floats) -> NDArray[np.int32]:
    """The points of one feature for each value; NaN is missing."""
    table = np.asarray((*feature.points, feature.missing_points), dtype=np.int32)
    band = np.searchsorted(np.asarray(feature.thresholds, dtype=np.float64), values, side="left")
    return table[np.where(np.isnan(values), len(feature.points), band)]


def points_of(segment: SegmentCard, columns: Mapping[str, Floats], rows: int) -> Points:
    """Raw points of each row, before calibration."""
    total = np.full(rows, segment.intercept_points, dtype=np.int64)
    for feature in segment.features:
        total += feature_points(feature, columns[feature.name])
    return total


def calibrated(points: Points, calibration: Calibration) -> Points:
    """Points after calibration, in whole points: integers only, so every machine agrees."""
    return calibration.intercept_points + points * calibration.slope_millionths // MILLION


def probability(points: Points) -> Floats:
    """The probability of bad, rounded to a millionth: the same on every machine, though ``exp`` may differ by a bit."""
    return np.asarray(np.round(1 / (1 + np.exp(-points / POINTS_PER_LOGIT)), 6), dtype=np.float64)
