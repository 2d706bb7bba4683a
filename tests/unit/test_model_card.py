"""A card is data: what it was exported from, what it refuses to be, and what changes when it is calibrated again."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from models import boosting, metrics
from models.card import Card, read_card
from models.card_check import MAX_BYTES, CardError
from models.export import export_segment
from models.points import feature_points
from models.train import NothingLearnedError, TooFewBadsError, pools, predict, recalibrate, train_card
from tests.support.model_rows import FEATURES, recipe, rows

ROWS = rows()
QUICK = boosting.Boosting(rounds=60, learning_rate=0.12)


@pytest.fixture(scope="module")
def card() -> Card:
    return train_card(recipe(), ROWS, QUICK)


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_card_gives_each_loan_the_probability_of_the_model_it_was_exported_from(card: Card) -> None:
    fresh = rows(5000, seed=99)
    for segment in card.segments:
        learned = ROWS.of(np.isin(ROWS.segment.astype(str), segment.segments))
        model = boosting.fit_additive(learned.values(FEATURES), learned.is_bad, FEATURES, QUICK)
        part = fresh.of(np.isin(fresh.segment.astype(str), segment.segments))
        by_model = boosting.probabilities(model, part.values(FEATURES))
        assert np.abs(metrics.logit(predict(card, part)) - metrics.logit(by_model)).max() < 2e-3
        assert np.abs(predict(card, part) - by_model).max() < 3e-4


def test_more_of_what_is_worse_never_lowers_the_points_and_missing_has_points_of_its_own(card: Card) -> None:
    for segment in card.segments:
        for feature in segment.features:
            assert all((after - before) * feature.direction >= 0 for before, after in pairwise(feature.points))
        (inquiries,) = [feature for feature in segment.features if feature.name == "inquiry_count_3m"]
        assert inquiries.missing_points > inquiries.points[0]  # planted: no report at all is worse than no inquiry


def test_points_are_centred_on_the_average_loan_of_the_segment(card: Card) -> None:
    for segment in card.segments:
        learned = ROWS.of(np.isin(ROWS.segment.astype(str), segment.segments))
        for feature in segment.features:
            assert abs(feature_points(feature, learned.columns[feature.name]).mean()) < 1


def test_the_same_rows_give_the_same_card_to_the_byte_and_it_reads_back_the_same(card: Card) -> None:
    again = train_card(recipe(), ROWS, QUICK)
    assert again.text == card.text
    assert read_card(card.text, card.sha256) == replace(card, population=read_card(card.text, card.sha256).population)
    assert read_card(card.text, card.sha256).text == card.text


def test_a_model_that_combines_features_cannot_be_written_down_as_points() -> None:
    values = ROWS.values(FEATURES)
    full = boosting.fit_full(values, ROWS.is_bad, FEATURES, boosting.Boosting(rounds=20))
    with pytest.raises(CardError, match="not additive"):
        export_segment(full, FEATURES, values, ROWS.is_bad, ("CURRENT", "LATE"))


def change(path: tuple[object, ...], value: object) -> Callable[[dict], None]:
    def apply(document: dict) -> None:
        part = document
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value(part[path[-1]]) if callable(value) else value

    return apply


FIRST = ("segments", 0, "features", 0)


@pytest.mark.parametrize(
    ("bend", "complaint"),
    [
        pytest.param(change((*FIRST, "points"), lambda points: points[::-1]), "against its", id="not monotone"),
        pytest.param(change((*FIRST, "thresholds"), lambda edges: edges[::-1]), "do not rise", id="unsorted"),
        pytest.param(change((*FIRST, "thresholds", 0), float("nan")), "finite", id="NaN"),
        pytest.param(change((*FIRST, "thresholds", 0), float("-inf")), "finite", id="infinity"),
        pytest.param(change((*FIRST, "missing_points"), None), "missing_points", id="no missing band"),
        pytest.param(change((*FIRST, "points", 0), -900_000), "within", id="a point beyond reason"),
        pytest.param(change((*FIRST, "points", 0), -0.5), "whole number", id="half a point"),
        pytest.param(change((*FIRST, "points"), lambda points: [points[0]] * 99), "at most 64", id="too many bands"),
        pytest.param(change((*FIRST, "name"), "gender"), "protected", id="a protected attribute"),
        pytest.param(change((*FIRST, "origin"), "LENDER"), "origin LENDER", id="what the lender did"),
        pytest.param(change(("segments", 0, "bads"), 0), "teach nothing", id="learned from no bads"),
        pytest.param(change(("segments", 1, "segments"), ["CURRENT"]), "each belongs to one", id="two cards a segment"),
        pytest.param(change(("segments", 0, "calibration", "slope_millionths"), -1), "turns no", id="slope below 0"),
        pytest.param(change(("population", "currency"), []), "trained on", id="population of nothing"),
        pytest.param(change(("schema",), "postloan-card/9"), "is not", id="another schema"),
        pytest.param(lambda document: document.update(code="import os"), "are wanted", id="something more"),
    ],
)  # fmt: skip
def test_a_bent_card_is_refused_whatever_its_hash(card: Card, bend: Callable[[dict], None], complaint: str) -> None:
    document = json.loads(card.text)
    bend(document)
    text = json.dumps(document)
    with pytest.raises(CardError, match=complaint):
        read_card(text, hashed(text))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\x80\x04K\x01.", id="a pickle"),
        pytest.param("[" * 200_000, id="nested without end"),
        pytest.param('"' + "x" * MAX_BYTES + '"', id="too large"),
        pytest.param("[]", id="no card"),
    ],
)
def test_what_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(CardError):
        read_card(text, hashed(text))


def test_a_card_changed_after_its_approval_is_refused(card: Card) -> None:
    with pytest.raises(CardError, match="changed after its approval"):
        read_card(card.text.replace("2026.1", "2026.2"), card.sha256)


def test_segments_with_too_few_bads_are_learned_together_and_below_that_there_is_no_model() -> None:
    late = int(ROWS.is_bad[ROWS.segment == "LATE"].sum())
    current = int(ROWS.is_bad.sum()) - late
    assert pools(recipe(least_bads=min(late, current)), ROWS) == [("CURRENT",), ("LATE",)]
    assert pools(recipe(least_bads=max(late, current) + 1), ROWS) == [("CURRENT", "LATE")]
    with pytest.raises(TooFewBadsError, match="matured bads"):
        pools(recipe(least_bads=late + current + 1), ROWS)


def test_a_source_that_says_nothing_of_anybody_is_left_off_the_card() -> None:
    silent = replace(ROWS, columns={**ROWS.columns, "inquiry_count_3m": np.full(len(ROWS), np.nan)})
    card = train_card(recipe(), silent, QUICK)
    read = {feature.name for segment in card.segments for feature in segment.features}
    assert "inquiry_count_3m" not in read
    assert "late_count_6m" in read


def test_rows_of_an_unknown_segment_are_refused() -> None:
    with pytest.raises(ValueError, match="WRITTEN_OFF"):
        train_card(recipe(), replace(ROWS, segment=np.where(ROWS.is_bad, "WRITTEN_OFF", ROWS.segment)), QUICK)


def test_calibrating_again_changes_intercept_and_slope_only_and_mends_the_level(card: Card) -> None:
    later = rows(8000, seed=5)
    worse = replace(later, is_bad=later.is_bad | (np.random.default_rng(6).random(8000) < 0.15))
    made = recalibrate(card, worse, "2026.2")
    assert made.version == "2026.2"
    for before, after in zip(card.segments, made.segments, strict=True):
        assert replace(after, calibration=before.calibration) == before
    for segment in ("CURRENT", "LATE"):
        part = worse.of(worse.segment == segment)
        assert abs(predict(card, part).mean() - part.is_bad.mean()) > 0.05
        assert abs(predict(made, part).mean() - part.is_bad.mean()) < 0.002
        intercept, slope = metrics.calibration(part.is_bad, metrics.logit(predict(made, part)))
        assert (intercept, slope) == pytest.approx((0, 1), abs=0.005)


def test_a_pool_whose_features_tell_nothing_has_no_card() -> None:
    alike = ROWS.of(np.arange(120))  # fewer rows than two leaves of a tree need
    asked = recipe(least_bads=1, segments=("LATE", "CURRENT"))
    few = type(alike)(alike.columns, np.arange(120) < 40, np.full(120, "LATE", dtype=object))
    with pytest.raises(NothingLearnedError, match="40 bads of 120 of LATE"):
        train_card(asked, few)
