"""The challenger as data: boosted trees that may combine features, as whole numbers in a JSON text with its sha256.

It runs in shadow and gives no reasons, so it can never be a champion: what scores is a card. A leaf is worth so many
millionths of a logit, hence the sum does not depend on an order. Reads private attributes of scikit-learn, as
``export``.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.card import MILLION
from models.card_check import POINTS_PER_LOGIT, CardError
from models.export import MOST_DIFFERENCE
from models.features import BORROWER, Feature, FeatureError, refuse_unfit
from models.train import Recipe

Floats = NDArray[np.float64]
Points = NDArray[np.int64]
SCHEMA = "postloan-trees/1"
MAX_BYTES = 8 * 1024**2
MAX_TREES, MAX_NODES = 2_000, 127
MAX_MILLIONTHS = 20 * MILLION
LEAF = -1
KEYS = {
    "schema", "model_code", "version", "label_code", "horizon_days", "settlement_days", "population", "watermark",
    "segments", "features", "base_millionths", "trees",
}  # fmt: skip


@dataclass(frozen=True)
class Tree:
    """The nodes of a tree, the root first; each child stands after its parent.

    feature: place of the feature that is asked for, -1 in a leaf. threshold: not above it goes left. missing_left:
    whether a missing value does. left, right: places of the children. millionths: what a leaf adds.
    """

    feature: NDArray[np.int64]
    threshold: Floats
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    millionths: Points


@dataclass(frozen=True)
class Trees:
    """A version of a challenger; the fields that a card has too mean the same."""

    model_code: str
    version: str
    label_code: str
    horizon_days: int
    settlement_days: int
    population: Mapping[str, tuple[str, ...]]
    watermark: str | None
    segments: tuple[str, ...]
    features: tuple[str, ...]
    base_millionths: int
    trees: tuple[Tree, ...]

    @property
    def text(self) -> str:
        """Canonical JSON: the same trees are the same bytes anywhere. A node is [feature, threshold, ...]."""
        document = {
            "schema": SCHEMA,
            "model_code": self.model_code,
            "version": self.version,
            "label_code": self.label_code,
            "horizon_days": self.horizon_days,
            "settlement_days": self.settlement_days,
            "population": {name: list(values) for name, values in sorted(self.population.items())},
            "watermark": self.watermark,
            "segments": list(self.segments),
            "features": list(self.features),
            "base_millionths": self.base_millionths,
            "trees": [_rows(tree) for tree in self.trees],
        }
        return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def export_trees(model: Any, recipe: Recipe, version: str, values: Floats) -> Trees:
    """A fitted challenger as data. Raises CardError when it differs from the model on any of these rows."""
    made = Trees(
        recipe.model_code,
        version,
        recipe.label_code,
        recipe.horizon_days,
        recipe.settlement_days,
        MappingProxyType(dict(sorted(recipe.population.items()))),
        recipe.watermark,
        recipe.segments,
        tuple(feature.name for feature in recipe.features),
        round(float(np.ravel(model._baseline_prediction)[0]) * MILLION),
        tuple(_tree(tree.nodes) for (tree,) in model._predictors),
    )
    columns = {name: values[:, place] for place, name in enumerate(made.features)}
    by_trees = _millionths(made, columns, len(values)) / MILLION
    difference = float(np.abs(by_trees - model.decision_function(values)).max())
    if not difference < MOST_DIFFERENCE:
        raise CardError(f"the trees differ from their model by {difference:.6f} logit, at most {MOST_DIFFERENCE}")
    return made


def tree_points(trees: Trees, columns: Mapping[str, Floats], rows: int) -> Points:
    """Points of each row, in ten-thousandths of a logit as a card's."""
    return np.asarray(_millionths(trees, columns, rows) // (MILLION // POINTS_PER_LOGIT), dtype=np.int64)


def read_trees(text: str, sha256: str) -> Trees:
    """The challenger of a text whose hash is the registered one. Raises CardError naming what is wrong."""
    found = hashlib.sha256(text.encode()).hexdigest()
    if found != sha256:
        raise CardError(f"the challenger's sha256 is {found}, registered was {sha256}: it was changed since")
    if len(text.encode()) > MAX_BYTES:
        raise CardError(f"a challenger of more than {MAX_BYTES:,} bytes is refused")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CardError(f"not a JSON document: {error}") from error
    if not isinstance(document, dict) or set(document) != KEYS or document["schema"] != SCHEMA:
        raise CardError(f"a challenger is a document of {SCHEMA} with {', '.join(sorted(KEYS))}")
    features = tuple(document["features"])
    try:
        # origin, direction and words were checked where features are declared; here that the names may be read
        refuse_unfit([Feature(str(name), BORROWER, 0, "-", "-") for name in features])
    except FeatureError as error:
        raise CardError(str(error)) from error
    if not 1 <= len(document["trees"]) <= MAX_TREES:
        raise CardError(f"{len(document['trees'])} trees: 1 to {MAX_TREES} are wanted")
    return Trees(
        str(document["model_code"]),
        str(document["version"]),
        str(document["label_code"]),
        _whole(document["horizon_days"], "horizon_days", 1, 3_660),
        _whole(document["settlement_days"], "settlement_days", 0, 366),
        MappingProxyType({str(name): tuple(values) for name, values in sorted(document["population"].items())}),
        document["watermark"],
        tuple(document["segments"]),
        features,
        _whole(document["base_millionths"], "base_millionths", -MAX_MILLIONTHS, MAX_MILLIONTHS),
        tuple(_read_tree(nodes, len(features)) for nodes in document["trees"]),
    )


def _millionths(trees: Trees, columns: Mapping[str, Floats], rows: int) -> Points:
    values = np.column_stack([columns[name] for name in trees.features]).astype(np.float64)
    is_missing = np.isnan(values)
    total = np.full(rows, trees.base_millionths, dtype=np.int64)
    row = np.arange(rows)
    for tree in trees.trees:
        at = np.zeros(rows, dtype=np.int64)
        while True:
            asked = tree.feature[at]
            inner = asked != LEAF
            if not inner.any():
                break
            place = np.where(inner, asked, 0)
            goes_left = np.where(
                is_missing[row, place], tree.missing_left[at], values[row, place] <= tree.threshold[at]
            )
            at = np.where(inner, np.where(goes_left, tree.left[at], tree.right[at]), at)
        total += tree.millionths[at]
    return total


def _tree(nodes: NDArray[Any]) -> Tree:
    is_leaf = nodes["is_leaf"] == 1
    if nodes["is_categorical"].any():
        raise CardError("a tree was fitted on a category: only ordered values have a direction")
    threshold = np.where(is_leaf, 0.0, nodes["num_threshold"])
    # infinity divides missing values from all others; a document holds finite numbers only
    threshold = np.where(np.isposinf(threshold), np.finfo(np.float64).max, threshold)
    return Tree(
        np.where(is_leaf, LEAF, nodes["feature_idx"].astype(np.int64)),
        threshold.astype(np.float64),
        (nodes["missing_go_to_left"] == 1) & ~is_leaf,
        np.where(is_leaf, 0, nodes["left"].astype(np.int64)),
        np.where(is_leaf, 0, nodes["right"].astype(np.int64)),
        np.where(is_leaf, np.rint(nodes["value"] * MILLION), 0).astype(np.int64),
    )


def _rows(tree: Tree) -> list[list[Any]]:
    return [
        [int(tree.millionths[place])]
        if tree.feature[place] == LEAF
        else [
            int(tree.feature[place]),
            float(tree.threshold[place]),
            bool(tree.missing_left[place]),
            int(tree.left[place]),
            int(tree.right[place]),
        ]
        for place in range(len(tree.feature))
    ]


def _read_tree(nodes: Any, features: int) -> Tree:
    if not isinstance(nodes, list) or not 1 <= len(nodes) <= MAX_NODES:
        raise CardError(f"a tree has 1 to {MAX_NODES} nodes")
    filled: list[Sequence[Any]] = []
    for place, node in enumerate(nodes):
        if not isinstance(node, list) or len(node) not in {1, 5}:
            raise CardError(f"node {place} of a tree is {node!r}")
        if len(node) == 1:
            worth = _whole(node[0], "a leaf", -MAX_MILLIONTHS, MAX_MILLIONTHS)
            filled.append((LEAF, 0.0, False, 0, 0, worth))
            continue
        feature, threshold, missing_left, left, right = node
        _whole(feature, "a feature's place", 0, features - 1)
        # a child after its parent: every walk ends
        _whole(left, "a child", place + 1, len(nodes) - 1)
        _whole(right, "a child", place + 1, len(nodes) - 1)
        is_number = isinstance(threshold, (int, float)) and not isinstance(threshold, bool)
        if not is_number or not math.isfinite(threshold) or not isinstance(missing_left, bool):
            raise CardError(f"node {place} of a tree is {node!r}")
        filled.append((feature, float(threshold), missing_left, left, right, 0))
    kinds = (np.int64, np.float64, np.bool_, np.int64, np.int64, np.int64)
    return Tree(*(np.array(column, dtype=kind) for column, kind in zip(zip(*filled, strict=True), kinds, strict=True)))


def _whole(value: Any, what: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise CardError(f"{what} is {value!r}, wanted is a whole number from {least:,} to {most:,}")
    return int(value)
