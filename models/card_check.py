"""What a card must be before a single loan is scored with it. Nothing in it is ever executed or unpickled."""

import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from models.features import BORROWER, MIXED, Feature, FeatureError, refuse_unfit

SCHEMA = "postloan-card/1"
POINTS_PER_LOGIT = 10_000
MAX_BYTES = 512 * 1024
MAX_SEGMENTS = 16
MAX_BINS = 64
MAX_POINTS = 200_000  # twenty logits: probabilities beyond that are no different from certainty
MAX_INTERCEPT = 1_000_000

CARD_KEYS = {
    "schema": str, "points_per_logit": int, "model_code": str, "version": str, "label_code": str, "horizon_days": int,
    "settlement_days": int, "population": dict, "watermark": (str, type(None)), "segments": list,
}  # fmt: skip
SEGMENT_KEYS = {
    "segments": list, "rows": int, "bads": int, "intercept_points": int, "calibration": dict, "features": list,
}  # fmt: skip
CALIBRATION_KEYS = {"intercept_points": int, "slope_millionths": int}
FEATURE_KEYS = {
    "name": str, "origin": str, "direction": int, "zh": str, "en": str, "thresholds": list, "points": list,
    "missing_points": int,
}  # fmt: skip


class CardError(ValueError):
    """A card that no loan may be scored with; the message says which part and why."""


def refuse_bad_card(text: str) -> dict[str, Any]:
    """The document of a card's text. Raises CardError for the first rule that it breaks."""
    if len(text.encode()) > MAX_BYTES:
        raise CardError(f"a card of more than {MAX_BYTES:,} bytes is no card")
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CardError(f"not a JSON document of finite numbers: {error}") from error
    _refuse_shape(document, CARD_KEYS, "card")
    if document["schema"] != SCHEMA or document["points_per_logit"] != POINTS_PER_LOGIT:
        raise CardError(f"schema {document['schema']!r} with {document['points_per_logit']} points is not {SCHEMA}")
    if document["horizon_days"] <= 0 or document["settlement_days"] < 0:
        raise CardError("horizon_days has to be above 0 and settlement_days not below it")
    for name, values in document["population"].items():
        if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
            raise CardError(f"population {name}: a list of the values that were trained on is wanted")
    _refuse_segments(document["segments"])
    return dict(document)


def _refuse_segments(segments: Sequence[Any]) -> None:
    if not 1 <= len(segments) <= MAX_SEGMENTS:
        raise CardError(f"{len(segments)} segments: 1 to {MAX_SEGMENTS} are wanted")
    covered: set[str] = set()
    for segment in segments:
        _refuse_shape(segment, SEGMENT_KEYS, "segment")
        names = segment["segments"]
        if not names or not all(isinstance(name, str) for name in names) or covered & set(names):
            raise CardError(f"segments {names}: each belongs to one card")
        covered |= set(names)
        where = "+".join(names)
        if not 0 < segment["bads"] < segment["rows"]:
            raise CardError(f"{where}: {segment['bads']} bads of {segment['rows']} rows teach nothing")
        _refuse_shape(segment["calibration"], CALIBRATION_KEYS, f"{where}: calibration")
        if not 0 < segment["calibration"]["slope_millionths"] <= 10_000_000:
            raise CardError(f"{where}: a calibration slope turns no order around and lies in (0, 10]")
        for value in (segment["intercept_points"], segment["calibration"]["intercept_points"]):
            _refuse_beyond(value, MAX_INTERCEPT, f"{where}: intercept")
        for feature in segment["features"]:
            _refuse_feature(feature, where)
        try:
            refuse_unfit([_declared(feature) for feature in segment["features"]])
        except FeatureError as error:
            raise CardError(f"{where}: {error}") from error


def _refuse_feature(feature: Any, where: str) -> None:
    _refuse_shape(feature, FEATURE_KEYS, f"{where}: feature")
    name, thresholds, points = feature["name"], feature["thresholds"], feature["points"]
    if feature["origin"] not in {BORROWER, MIXED}:
        raise CardError(f"{where}: {name} has origin {feature['origin']}: a card reads what borrowers did")
    if len(points) > MAX_BINS or len(points) != len(thresholds) + 1:
        raise CardError(f"{where}: {name} has {len(points)} bands for {len(thresholds)} thresholds, at most {MAX_BINS}")
    for threshold in thresholds:
        if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not math.isfinite(threshold):
            raise CardError(f"{where}: {name} has the threshold {threshold!r}")
    if any(after <= before for before, after in pairwise(thresholds)):
        raise CardError(f"{where}: the thresholds of {name} do not rise")
    for value in (*points, feature["missing_points"]):
        _refuse_beyond(value, MAX_POINTS, f"{where}: {name}")
    steps = [after - before for before, after in pairwise(points)]
    if any(step * feature["direction"] < 0 for step in steps):
        raise CardError(f"{where}: the points of {name} run against its direction {feature['direction']}")


def _declared(feature: Mapping[str, Any]) -> Feature:
    return Feature(feature["name"], feature["origin"], feature["direction"], feature["zh"], feature["en"])


def _refuse_shape(part: Any, keys: Mapping[str, Any], what: str) -> None:
    if not isinstance(part, dict) or set(part) != set(keys):
        found = sorted(part) if isinstance(part, dict) else type(part).__name__
        raise CardError(f"{what}: {sorted(keys)} are wanted, not {found}")
    for key, kind in keys.items():
        if not isinstance(part[key], kind) or (kind is int and isinstance(part[key], bool)):
            raise CardError(f"{what}: {key} is {part[key]!r}")


def _refuse_beyond(value: Any, limit: int, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > limit:
        raise CardError(f"{what}: {value!r} is no whole number of points within {limit:,}")


def _refuse_constant(constant: str) -> float:
    raise CardError(f"{constant} is no number of a card")
