"""The score of a loan: integer points, a probability, and the exact reasons that raised it above the average loan.

Pure: a frame and a card in, a frame out. A card is used only for the population and the segments that it was trained
on; everywhere else the row says why there is no probability, and severity and rank come from signals and exposure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.card import Card, SegmentCard
from models.points import calibrated, feature_points, probability
from models.trees import Trees

NO_MODEL_YET, NOT_VALIDATED, SCORED = "NO_MODEL_YET", "NOT_VALIDATED", "SCORED"
REASONS = 4
REASON_CODES = tuple(f"reason_code_{place}" for place in range(1, REASONS + 1))
REASON_POINTS = tuple(f"reason_points_{place}" for place in range(1, REASONS + 1))
SCORE_COLUMNS = (
    "loan_id", "model_code", "model_version", "card_sha256", "label_code", "segment_code", "score_status",
    "score_points", "predicted_rate", *REASON_CODES, *REASON_POINTS, "outcome_known_days", "watermark",
)  # fmt: skip

BLOCK = 8192  # rows at a time: what a block needs stays in the processor's cache
_PLACES = 64  # a card has at most so many features; a reason is packed as points x 64 + (63 - place of the feature)

Points = NDArray[np.int64]
Columns = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Scored:
    """Rows scored by one segment's card.

    points: calibrated. reason_places, reason_points: rows x 4, the worst first; place is the feature's on the card and
    -1 where fewer than four features are worse than average, with 0 points.
    """

    points: Points
    reason_places: NDArray[np.int32]
    reason_points: NDArray[np.int32]


def score_rows(segment: SegmentCard, columns: Columns, rows: int) -> Scored:
    """Points and exact top reasons of rows in memory; among equal points the feature that stands first on the card."""
    points = np.full(rows, segment.intercept_points, dtype=np.int64)
    worst = np.zeros((REASONS, rows), dtype=np.int32)
    for start in range(0, rows, BLOCK):
        part = slice(start, start + BLOCK)
        total, best = points[part], worst[:, part]
        for place, feature in enumerate(segment.features):
            contribution = feature_points(feature, columns[feature.name][part])
            total += contribution
            packed = contribution * np.int32(_PLACES) + np.int32(_PLACES - 1 - place)
            for rank in range(REASONS):  # an insertion into the four largest so far, all rows at once
                smaller = np.minimum(best[rank], packed)
                np.maximum(best[rank], packed, out=best[rank])
                packed = smaller
    reasons = worst.T // _PLACES
    is_reason = reasons > 0
    places = np.where(is_reason, _PLACES - 1 - worst.T % _PLACES, -1).astype(np.int32)
    return Scored(calibrated(points, segment.calibration), places, np.where(is_reason, reasons, 0).astype(np.int32))


def score_loans(loans: pd.DataFrame, model_code: str, card: Card | None) -> pd.DataFrame:
    """One row a loan with SCORE_COLUMNS, sorted by loan_id.

    A row is a function of the loan's features and the card alone: so many days after the date that it is read for
    (outcome_known_days) its outcome is known.

    loans: loan_id, segment_code (None: no segment of the model), the columns of the card's population, and the card's
        features as numbers, missing values NaN. Without a card only loan_id and segment_code are read.
    card: the champion of the date, None when nobody has approved one yet.
    """
    ordered = loans.sort_values("loan_id", kind="stable", ignore_index=True)
    made: dict[str, NDArray[np.object_]] = {
        column: np.full(len(ordered), None, dtype=object) for column in SCORE_COLUMNS
    }
    made["loan_id"] = ordered["loan_id"].to_numpy(dtype=object)
    made["segment_code"] = ordered["segment_code"].to_numpy(dtype=object)
    made["model_code"][:] = model_code
    made["score_status"][:] = NO_MODEL_YET
    if card is not None:
        _refuse_other_model(card, model_code)
        made["model_version"][:], made["card_sha256"][:] = card.version, card.sha256
        made["label_code"][:], made["watermark"][:] = card.label_code, card.watermark
        made["outcome_known_days"][:] = card.horizon_days + card.settlement_days
        inside = is_inside(card, ordered)
        made["score_status"][~inside] = NOT_VALIDATED
        for segment in card.segments:
            chosen = np.flatnonzero(inside & np.isin(made["segment_code"].astype(str), segment.segments))
            _fill(made, chosen, segment, ordered)
    return pd.DataFrame(made, columns=list(SCORE_COLUMNS), dtype=object)


def _fill(
    made: Mapping[str, NDArray[np.object_]], chosen: NDArray[np.int64], segment: SegmentCard, loans: pd.DataFrame
) -> None:
    columns = {
        feature.name: loans[feature.name].to_numpy(dtype=np.float64, na_value=np.nan)[chosen]
        for feature in segment.features
    }
    scored = score_rows(segment, columns, len(chosen))
    made["score_status"][chosen] = SCORED
    made["score_points"][chosen] = scored.points.astype(object)
    made["predicted_rate"][chosen] = rates(scored.points)
    names = np.array([*(feature.name for feature in segment.features), None], dtype=object)  # place -1: no reason
    for rank, (code, points) in enumerate(zip(REASON_CODES, REASON_POINTS, strict=True)):
        place = scored.reason_places[:, rank]
        made[code][chosen] = names[place]
        made[points][chosen[place >= 0]] = scored.reason_points[place >= 0, rank].astype(object)


def rates(points: Points) -> NDArray[np.object_]:
    """Probabilities as exact decimals with six places; each distinct number of points is turned into one once."""
    distinct, place = np.unique(points, return_inverse=True)
    table = np.array([Decimal(f"{rate:.6f}") for rate in probability(distinct)], dtype=object)
    return np.asarray(table[place], dtype=object) if len(points) else np.empty(0, dtype=object)


def is_inside(scorer: Card | Trees, loans: pd.DataFrame) -> NDArray[np.bool_]:
    """Which loans belong to the population and the segments that a version was trained on."""
    if isinstance(scorer, Trees):
        covered = list(scorer.segments)
    else:
        covered = [name for segment in scorer.segments for name in segment.segments]
    inside = loans["segment_code"].isin(covered).to_numpy(dtype=np.bool_, copy=True)
    for column, values in scorer.population.items():
        inside &= loans[column].isin(values).to_numpy(dtype=np.bool_)
    return inside


def _refuse_other_model(card: Card, model_code: str) -> None:
    if card.model_code != model_code:
        raise ValueError(f"the card is of {card.model_code}, scored is {model_code}")
