"""The challenger is data too: equal to the model it was exported from, and refused when it is anything else."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from models import boosting, metrics
from models.card_check import CardError
from models.points import probability
from models.trees import Trees, export_trees, read_trees, tree_points
from tests.support.model_rows import FEATURES, recipe, rows

ROWS = rows()
QUICK = boosting.Boosting(rounds=40, learning_rate=0.12, leaves=15)
MODEL = boosting.fit_full(ROWS.values(FEATURES), ROWS.is_bad, FEATURES, QUICK)


@pytest.fixture(scope="module")
def trees() -> Trees:
    return export_trees(MODEL, recipe(), "2026.1-full", ROWS.values(FEATURES))


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_challenger_gives_unseen_loans_the_probability_of_the_model_it_was_exported_from(trees: Trees) -> None:
    fresh = rows(5000, seed=99)
    by_model = boosting.probabilities(MODEL, fresh.values(FEATURES))
    by_trees = probability(tree_points(trees, fresh.columns, len(fresh)))
    assert np.isnan(fresh.columns["inquiry_count_3m"]).any()
    assert np.abs(by_trees - by_model).max() < 1e-4
    assert metrics.auc(fresh.is_bad, by_trees) == pytest.approx(metrics.auc(fresh.is_bad, by_model), abs=1e-4)


def test_a_challenger_that_was_written_down_and_read_again_scores_the_same(trees: Trees) -> None:
    again = read_trees(trees.text, trees.sha256)
    assert again.text == trees.text
    points = tree_points(trees, ROWS.columns, len(ROWS))
    assert (tree_points(again, ROWS.columns, len(ROWS)) == points).all()
    assert len(np.unique(points)) > 100


def spoiled(trees: Trees, change: Callable[[dict[str, Any]], Any]) -> str:
    document = json.loads(trees.text)
    change(document)
    return json.dumps(document)


def inner(document: dict[str, Any]) -> list[Any]:
    """The root of the first tree: it asks for a feature."""
    root = document["trees"][0][0]
    assert len(root) == 5
    return root


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param(lambda doc: inner(doc).__setitem__(3, 0), "a child", id="a walk that never ends"),
        pytest.param(lambda doc: inner(doc).__setitem__(4, 9_999), "a child", id="a child that is not there"),
        pytest.param(lambda doc: inner(doc).__setitem__(0, 64), "a feature's place", id="a feature that is not there"),
        pytest.param(lambda doc: inner(doc).__setitem__(1, float("inf")), "node 0", id="a threshold without end"),
        pytest.param(lambda doc: inner(doc).__setitem__(1, "1"), "node 0", id="a threshold that is a text"),
        pytest.param(lambda doc: doc["trees"][0].append([10**9]), "a leaf", id="a leaf beyond certainty"),
        pytest.param(lambda doc: doc["features"].__setitem__(0, "age"), "protected", id="a protected attribute"),
        pytest.param(lambda doc: doc.update(trees=[]), "0 trees", id="no tree"),
        pytest.param(lambda doc: doc.update(code="import os"), "a challenger is", id="a key that nobody knows"),
        pytest.param(lambda doc: doc.update(schema="postloan-card/1"), "a challenger is", id="another schema"),
    ],
)
def test_a_document_that_is_no_challenger_is_refused(
    trees: Trees, change: Callable[[dict[str, Any]], Any], complaint: str
) -> None:
    text = spoiled(trees, change)
    with pytest.raises(CardError, match=complaint):
        read_trees(text, hashed(text))


def test_a_challenger_that_was_changed_after_it_was_registered_is_refused(trees: Trees) -> None:
    with pytest.raises(CardError, match="was changed since"):
        read_trees(trees.text.replace("2026.1-full", "2026.2-full"), trees.sha256)
