"""From a fitted additive model to integer points, equal to it within a thousandth of a logit.

Reads private attributes of scikit-learn (``_predictors``, ``nodes``, ``_baseline_prediction``): the version is pinned
and the equality is checked at every export, so that an upgrade fails loudly instead of scoring something else.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.card import Calibration, CardFeature, SegmentCard
from models.card_check import POINTS_PER_LOGIT, CardError
from models.features import Feature
from models.points import points_of

Floats = NDArray[np.float64]
MOST_DIFFERENCE = 1e-3  # logit


def export_segment(
    model: Any, features: Sequence[Feature], values: Floats, is_bad: NDArray[np.bool_], segments: tuple[str, ...]
) -> SegmentCard:
    """The card of a model fitted on these rows; features that no tree reads are left out.

    Raises CardError when a tree reads two features, or the card differs from the model on any of the rows.
    """
    trees: dict[int, list[NDArray[Any]]] = {}
    for (tree,) in model._predictors:
        inner = tree.nodes[tree.nodes["is_leaf"] == 0]
        read = sorted(set(inner["feature_idx"].tolist()))
        if len(read) > 1:
            raise CardError(f"a tree reads {[features[place].name for place in read]}: the model is not additive")
        if inner["is_categorical"].any():
            raise CardError(f"{features[read[0]].name} was fitted as a category: only ordered values have a direction")
        trees.setdefault(read[0] if read else -1, []).append(tree.nodes)
    baseline = float(np.ravel(model._baseline_prediction)[0])
    baseline += sum(float(nodes["value"][0]) for nodes in trees.pop(-1, []))
    cards = []
    for place in sorted(trees):
        card, centre = _feature_card(features[place], trees[place], values[:, place])
        baseline += centre
        cards.append(card)
    segment = SegmentCard(
        segments, len(is_bad), int(is_bad.sum()), round(baseline * POINTS_PER_LOGIT), Calibration(), tuple(cards)
    )
    _refuse_difference(model, segment, features, values)
    return segment


def _feature_card(feature: Feature, trees: Sequence[NDArray[Any]], values: Floats) -> tuple[CardFeature, float]:
    """The steps of one feature, centred on these rows, and the centre in logits."""
    thresholds = np.unique(np.concatenate([nodes["num_threshold"][nodes["is_leaf"] == 0] for nodes in trees]))
    thresholds = thresholds[np.isfinite(thresholds)]  # infinity divides missing values from all others
    inside = np.append(thresholds, np.inf)  # a value on a threshold belongs to the band that it closes
    steps = np.sum([_outputs(nodes, inside) for nodes in trees], axis=0)
    missing = float(np.sum([_outputs(nodes, np.array([np.nan])) for nodes in trees]))
    band = np.searchsorted(thresholds, values, side="left")
    centre = float(np.where(np.isnan(values), missing, steps[np.minimum(band, len(steps) - 1)]).mean())
    points = np.rint((steps - centre) * POINTS_PER_LOGIT).astype(np.int64)
    keep = points[1:] != points[:-1]
    return (
        CardFeature(
            name=feature.name,
            origin=feature.origin,
            direction=feature.direction,
            zh=feature.zh,
            en=feature.en,
            thresholds=tuple(float(value) for value in thresholds[keep]),
            points=tuple(int(value) for value in points[np.append(keep, True)]),
            missing_points=round((missing - centre) * POINTS_PER_LOGIT),
        ),
        centre,
    )


def _outputs(nodes: NDArray[Any], values: Floats) -> Floats:
    """What one tree of a single feature adds for each value: the walk that scikit-learn takes, level by level."""
    at = np.zeros(len(values), dtype=np.int64)
    is_missing = np.isnan(values)
    for _ in range(len(nodes)):
        node = nodes[at]
        if node["is_leaf"].all():
            break
        goes_left = np.where(is_missing, node["missing_go_to_left"] == 1, values <= node["num_threshold"])
        following = np.where(goes_left, node["left"], node["right"])
        at = np.where(node["is_leaf"] == 1, at, following)
    return np.asarray(nodes["value"][at], dtype=np.float64)


def _refuse_difference(model: Any, segment: SegmentCard, features: Sequence[Feature], values: Floats) -> None:
    columns: Mapping[str, Floats] = {feature.name: values[:, place] for place, feature in enumerate(features)}
    by_card = points_of(segment, columns, len(values)) / POINTS_PER_LOGIT
    difference = float(np.abs(by_card - model.decision_function(values)).max())
    if not difference < MOST_DIFFERENCE:
        raise CardError(f"the card differs from its model by {difference:.6f} logit, at most {MOST_DIFFERENCE}")
