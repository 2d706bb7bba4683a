"""A card from rows: pools segments that have too few bads, fits each pool, writes it down as points.

The same code trains on the warehouse's month-end cross-sections and, in ``bench/``, on public data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models import boosting, metrics
from models.card import MILLION, Calibration, Card
from models.card_check import POINTS_PER_LOGIT, refuse_bad_card
from models.export import export_segment
from models.features import Feature
from models.points import calibrated, points_of, probability

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class TooFewBadsError(ValueError):
    """Not even all segments together hold the bads that policy wants: there is no model yet."""


class NothingLearnedError(ValueError):
    """No feature tells the bads of a pool from its goods, or its rows are too few for a tree: there is no model yet."""


@dataclass(frozen=True)
class Recipe:
    """What a version is made from, beside its rows.

    segments: in order of risk; neighbours are pooled. least_bads: that a card must have learned from (policy, 200).
    population, watermark, label_code, horizon_days, settlement_days: as on the card.
    """

    model_code: str
    version: str
    label_code: str
    horizon_days: int
    settlement_days: int
    features: tuple[Feature, ...]
    segments: tuple[str, ...]
    least_bads: int
    population: Mapping[str, tuple[str, ...]]
    watermark: str | None = None


@dataclass(frozen=True)
class Rows:
    """Rows with a known outcome. ``columns``: one array a feature, NaN is missing; all arrays are equally long."""

    columns: Mapping[str, Floats]
    is_bad: Bools
    segment: NDArray[np.object_]

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Rows":
        """The chosen rows."""
        return Rows({n: c[chosen] for n, c in self.columns.items()}, self.is_bad[chosen], self.segment[chosen])

    def values(self, features: Sequence[Feature]) -> Floats:
        """Rows x features."""
        return np.column_stack([self.columns[feature.name] for feature in features]).astype(np.float64)

    def __len__(self) -> int:
        return len(self.is_bad)


def train_card(recipe: Recipe, rows: Rows, how: boosting.Boosting = boosting.CHAMPION) -> Card:
    """The champion of these rows.

    Raises TooFewBadsError, NothingLearnedError, and CardError when the points do not equal the model.
    """
    unknown = sorted(set(rows.segment.tolist()) - set(recipe.segments))
    if unknown:
        raise ValueError(f"{recipe.model_code}: rows of the segments {unknown}, which the recipe does not have")
    cards = []
    for pool in pools(recipe, rows):
        part = rows.of(np.isin(rows.segment.astype(str), pool))
        values = part.values(recipe.features)
        model = boosting.fit_additive(values, part.is_bad, recipe.features, how)
        segment = export_segment(model, recipe.features, values, part.is_bad, pool)
        if not segment.features:
            raise NothingLearnedError(
                f"{recipe.model_code}: {int(part.is_bad.sum())} bads of {len(part)} of {'+'.join(pool)} tell nothing"
            )
        cards.append(segment)
    card = Card(
        recipe.model_code,
        recipe.version,
        recipe.label_code,
        recipe.horizon_days,
        recipe.settlement_days,
        MappingProxyType(dict(sorted(recipe.population.items()))),
        recipe.watermark,
        tuple(cards),
    )
    refuse_bad_card(card.text)
    return card


def pools(recipe: Recipe, rows: Rows) -> list[tuple[str, ...]]:
    """The segments that get a card together: neighbours join until each pool has ``least_bads`` bads and a good."""
    enough: list[tuple[str, ...]] = []
    open_pool: tuple[str, ...] = ()
    for segment in recipe.segments:
        open_pool = (*open_pool, segment)
        if _is_enough(recipe, rows, open_pool):
            enough.append(open_pool)
            open_pool = ()
    if open_pool and enough:
        enough[-1] = (*enough[-1], *open_pool)
    elif open_pool:
        bads = int(rows.is_bad.sum())
        raise TooFewBadsError(
            f"{recipe.model_code}: {bads} matured bads of {len(rows)} rows, {recipe.least_bads} wanted"
        )
    return enough


def predict(card: Card, rows: Rows) -> Floats:
    """The card's probability of each row; NaN where no card covers the segment."""
    found = np.full(len(rows), np.nan)
    for segment in card.segments:
        chosen = np.isin(rows.segment.astype(str), segment.segments)
        part = rows.of(chosen)
        found[chosen] = probability(calibrated(points_of(segment, part.columns, len(part)), segment.calibration))
    return found


def recalibrate(card: Card, matured: Rows, version: str) -> Card:
    """A new version whose probabilities fit later outcomes: intercept and slope of each segment, never its steps.

    A segment without both outcomes among the matured rows keeps its calibration.
    """
    segments = []
    for segment in card.segments:
        part = matured.of(np.isin(matured.segment.astype(str), segment.segments))
        if 0 < int(part.is_bad.sum()) < len(part):
            raw = points_of(segment, part.columns, len(part)) / POINTS_PER_LOGIT
            intercept, slope = metrics.calibration(part.is_bad, raw)
            fitted = Calibration(round(intercept * POINTS_PER_LOGIT), round(slope * MILLION))
            segments.append(replace(segment, calibration=fitted))
        else:
            segments.append(segment)
    made = replace(card, version=version, segments=tuple(segments))
    refuse_bad_card(made.text)
    return made


def _is_enough(recipe: Recipe, rows: Rows, pool: tuple[str, ...]) -> bool:
    is_bad = rows.is_bad[np.isin(rows.segment.astype(str), pool)]
    bads = int(is_bad.sum())
    return recipe.least_bads <= bads < len(is_bad) and bads > 0
