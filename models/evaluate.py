"""A version against rows that it has not learned from: figures by slice, each with its n and bads.

Which rows those are: ``known_by`` and ``out_of_time`` are the only two ways in which rows are chosen by date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import metrics
from models.card import Card
from models.points import feature_points

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Dates = NDArray[np.datetime64]


@dataclass(frozen=True)
class SliceFigures:
    """Figures of one slice of the rows; ``figures`` is empty when the slice lacks one of the two outcomes."""

    name: str
    rows: int
    bads: int
    figures: tuple[metrics.Figure, ...]

    def value(self, metric: str) -> float | None:
        """The value of a metric, None where the slice has none."""
        return next((figure.value for figure in self.figures if figure.metric == metric), None)


def by_slice(is_bad: Bools, probability: Floats, slices: Mapping[str, Bools]) -> tuple[SliceFigures, ...]:
    """Figures of each slice, over its rows that have a probability."""
    made = []
    for name, chosen in slices.items():
        scored = chosen & ~np.isnan(probability)
        outcome = is_bad[scored]
        figures = metrics.figures(outcome, probability[scored])
        made.append(SliceFigures(name, len(outcome), int(outcome.sum()), figures))
    return tuple(made)


def known_by(as_of: Dates, horizon_days: int, settlement_days: int, cutoff: np.datetime64) -> Bools:
    """Rows whose whole window had been observed by the cut-off: only they have a label on that date."""
    return as_of + np.timedelta64(horizon_days + settlement_days, "D") <= cutoff


def out_of_time(as_of: Dates, horizon_days: int, settlement_days: int, cutoff: np.datetime64) -> tuple[Bools, Bools]:
    """Rows to learn from and rows to be judged on: known by the cut-off; and dated at or after it."""
    return known_by(as_of, horizon_days, settlement_days, cutoff), as_of >= cutoff


def band_shares(card: Card, columns: Mapping[str, Floats], segment: NDArray[np.object_]) -> dict[str, list[float]]:
    """Shares of rows by band of each feature, missing last: what stability is measured on, ``segment/feature``."""
    shares: dict[str, list[float]] = {}
    for part in card.segments:
        chosen = np.isin(segment.astype(str), part.segments)
        for feature in part.features:
            values = columns[feature.name][chosen]
            band = np.searchsorted(np.asarray(feature.thresholds), values, side="left")
            band = np.where(np.isnan(values), len(feature.points), band)
            count = np.bincount(band, minlength=len(feature.points) + 1)
            shares[f"{'+'.join(part.segments)}/{feature.name}"] = (count / max(len(values), 1)).tolist()
    return shares


def stability(before: Mapping[str, Sequence[float]], now: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Population stability index of each feature, over the bands of the card."""
    return {name: metrics.psi(shares, now[name]) for name, shares in sorted(before.items())}


def importance(card: Card, columns: Mapping[str, Floats], segment: NDArray[np.object_]) -> dict[str, float]:
    """Mean distance in points from the average loan, ``segment/feature``: what moves the score of these rows most."""
    weights: dict[str, float] = {}
    for part in card.segments:
        chosen = np.isin(segment.astype(str), part.segments)
        for feature in part.features:
            points = feature_points(feature, columns[feature.name][chosen])
            weights[f"{'+'.join(part.segments)}/{feature.name}"] = float(np.abs(points).mean()) if len(points) else 0.0
    return weights


def swap_set(is_bad: Bools, champion: Floats, challenger: Floats, share: float) -> dict[str, tuple[int, int]]:
    """Rows and bads that either list of the worst ``share`` would hold and the other not, and those on both.

    Ties are broken by the other model, then by the order of the rows.
    """
    size = round(share * len(is_bad))
    order = np.arange(len(is_bad))
    by_champion = np.zeros(len(is_bad), dtype=np.bool_)
    by_champion[np.lexsort((order, -challenger, -champion))[:size]] = True
    by_challenger = np.zeros(len(is_bad), dtype=np.bool_)
    by_challenger[np.lexsort((order, -champion, -challenger))[:size]] = True
    parts = {
        "on both lists": by_champion & by_challenger,
        "swapped out": by_champion & ~by_challenger,
        "swapped in": by_challenger & ~by_champion,
    }
    return {name: (int(part.sum()), int(is_bad[part].sum())) for name, part in parts.items()}
