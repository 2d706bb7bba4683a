"""Scores of challengers, on the same loans as the champion's: for comparison, never for a list.

Pure: a frame and versions in, a frame out. A challenger is used only for the population and the segments that it was
trained on, as a champion is.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.card import Card
from models.points import calibrated, points_of
from models.trees import Trees, tree_points
from scoring.score import NOT_VALIDATED, SCORED, is_inside, rates

SHADOW_COLUMNS = (
    "loan_id", "model_code", "model_version", "card_sha256", "label_code", "segment_code", "score_status",
    "score_points", "predicted_rate", "outcome_known_days", "watermark",
)  # fmt: skip


def shadow_scores(loans: pd.DataFrame, challengers: Sequence[Card | Trees]) -> pd.DataFrame:
    """One row a loan and challenger with SHADOW_COLUMNS, by version, then loan_id. loans: as for score_loans."""
    ordered = loans.sort_values("loan_id", kind="stable", ignore_index=True)
    parts = [_of_version(ordered, scorer) for scorer in sorted(challengers, key=lambda one: one.version)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(SHADOW_COLUMNS), dtype=object)


def version_points(loans: pd.DataFrame, scorer: Card | Trees) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Points of each row in its order, and which rows the version may score at all; the others have 0."""
    chosen = is_inside(scorer, loans)
    points = np.zeros(len(loans), dtype=np.int64)
    if isinstance(scorer, Trees):
        rows = np.flatnonzero(chosen)
        points[rows] = tree_points(scorer, _columns(loans, scorer.features, rows), len(rows))
        return points, chosen
    for segment in scorer.segments:
        rows = np.flatnonzero(chosen & loans["segment_code"].isin(segment.segments).to_numpy(dtype=np.bool_))
        columns = _columns(loans, [feature.name for feature in segment.features], rows)
        points[rows] = calibrated(points_of(segment, columns, len(rows)), segment.calibration)
    return points, chosen


def _columns(loans: pd.DataFrame, names: Sequence[str], rows: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    return {name: loans[name].to_numpy(dtype=np.float64, na_value=np.nan)[rows] for name in names}


def _of_version(loans: pd.DataFrame, scorer: Card | Trees) -> pd.DataFrame:
    points, chosen = version_points(loans, scorer)
    status = np.where(chosen, SCORED, NOT_VALIDATED).astype(object)
    told, rate = np.full(len(loans), None, dtype=object), np.full(len(loans), None, dtype=object)
    told[chosen], rate[chosen] = points[chosen].astype(object), rates(points[chosen])
    return pd.DataFrame(
        {
            "loan_id": loans["loan_id"].to_numpy(dtype=object),
            "model_code": scorer.model_code,
            "model_version": scorer.version,
            "card_sha256": scorer.sha256,
            "label_code": scorer.label_code,
            "segment_code": loans["segment_code"].to_numpy(dtype=object),
            "score_status": status,
            "score_points": told,
            "predicted_rate": rate,
            "outcome_known_days": scorer.horizon_days + scorer.settlement_days,
            "watermark": scorer.watermark,
        },
        columns=list(SHADOW_COLUMNS),
        dtype=object,
    )
