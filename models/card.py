"""The card: a model as data. Integer points for each band of each feature, a canonical JSON text, and its sha256.

Points are ten-thousandths of a logit, centred on the average loan of the segment's training rows: a loan's points of
a feature are therefore its exact contribution, above zero worse than average, and the sum never depends on an order.
A card is never code: it is read with ``read_card``, which refuses what is not finite, sorted, monotone and small.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from models.card_check import POINTS_PER_LOGIT, SCHEMA, CardError, refuse_bad_card

MILLION = 1_000_000


@dataclass(frozen=True)
class CardFeature:
    """The steps of one feature.

    A value belongs to the first band whose threshold it does not exceed, else to the last: ``points`` has one entry
    more than ``thresholds``. A missing value gets ``missing_points``.
    """

    name: str
    origin: str
    direction: int
    zh: str
    en: str
    thresholds: tuple[float, ...]
    points: tuple[int, ...]
    missing_points: int


@dataclass(frozen=True)
class Calibration:
    """Calibrated points = intercept_points + raw points x slope_millionths / 1,000,000, rounded down."""

    intercept_points: int = 0
    slope_millionths: int = MILLION


@dataclass(frozen=True)
class SegmentCard:
    """One card of the model, for the segments that it was trained on together.

    rows, bads: of the training window; both classes are there or the card would not be.
    """

    segments: tuple[str, ...]
    rows: int
    bads: int
    intercept_points: int
    calibration: Calibration
    features: tuple[CardFeature, ...]


@dataclass(frozen=True)
class Card:
    """A version of a model.

    label_code, horizon_days: what is predicted, within so many days after the date of the features.
    settlement_days: after the horizon, until late bookings have arrived and the outcome is known.
    population: by column the values on which the model was trained; a loan with another value is not scored.
    watermark: said in every list and report that shows a score; None only for a lender's own book.
    """

    model_code: str
    version: str
    label_code: str
    horizon_days: int
    settlement_days: int
    population: Mapping[str, tuple[str, ...]]
    watermark: str | None
    segments: tuple[SegmentCard, ...]

    def of_segment(self, segment: str) -> SegmentCard | None:
        """The card that covers a segment; None: the segment had too few bads to have one."""
        return next((card for card in self.segments if segment in card.segments), None)

    @property
    def text(self) -> str:
        """The card as canonical JSON: the same card is the same bytes anywhere."""
        plain = asdict(replace(self, population=dict(self.population)))
        document = {"schema": SCHEMA, "points_per_logit": POINTS_PER_LOGIT, **plain}
        return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_card(text: str, sha256: str) -> Card:
    """The card of a text whose hash is the one that people approved.

    Raises CardError naming what is wrong: another hash, another schema, or any rule of ``card_check``.
    """
    found = hashlib.sha256(text.encode()).hexdigest()
    if found != sha256:
        raise CardError(f"the card's sha256 is {found}, approved was {sha256}: it was changed after its approval")
    document = refuse_bad_card(text)
    return Card(
        model_code=document["model_code"],
        version=document["version"],
        label_code=document["label_code"],
        horizon_days=document["horizon_days"],
        settlement_days=document["settlement_days"],
        population=MappingProxyType({name: tuple(values) for name, values in sorted(document["population"].items())}),
        watermark=document["watermark"],
        segments=tuple(_segment(segment) for segment in document["segments"]),
    )


def _segment(part: Mapping[str, Any]) -> SegmentCard:
    features = tuple(
        CardFeature(**{**feature, "thresholds": tuple(feature["thresholds"]), "points": tuple(feature["points"])})
        for feature in part["features"]
    )
    calibration = Calibration(**part["calibration"])
    return SegmentCard(
        tuple(part["segments"]), part["rows"], part["bads"], part["intercept_points"], calibration, features
    )
