"""Figures of a model against answers worked out by hand or by another formula."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from models import metrics

RANDOM = np.random.default_rng(11)
PROBABILITY = np.round(RANDOM.beta(2, 6, 4000), 2)  # two decimals: many ties
IS_BAD = RANDOM.random(4000) < PROBABILITY


def test_auc_ks_and_brier_agree_with_another_library_on_tied_scores() -> None:
    false_rate, true_rate, _ = roc_curve(IS_BAD, PROBABILITY)
    assert metrics.auc(IS_BAD, PROBABILITY) == pytest.approx(roc_auc_score(IS_BAD, PROBABILITY), abs=1e-12)
    assert metrics.ks(IS_BAD, PROBABILITY) == pytest.approx(float((true_rate - false_rate).max()), abs=1e-12)
    assert metrics.brier(IS_BAD, PROBABILITY) == pytest.approx(brier_score_loss(IS_BAD, PROBABILITY), abs=1e-12)


def test_calibration_agrees_with_a_logistic_regression_without_penalty() -> None:
    logits = metrics.logit(np.clip(PROBABILITY, 0.01, 0.99)) * 0.7 + 0.4
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logits[:, None], IS_BAD)
    intercept, slope = metrics.calibration(IS_BAD, logits)
    assert (intercept, slope) == pytest.approx((float(expected.intercept_[0]), float(expected.coef_[0, 0])), abs=1e-5)


def test_honest_probabilities_have_slope_one_and_a_doubled_logit_half() -> None:
    probability = 1 / (1 + np.exp(-RANDOM.normal(size=60_000)))
    is_bad = RANDOM.random(60_000) < probability
    assert metrics.calibration(is_bad, metrics.logit(probability)) == pytest.approx((0, 1), abs=0.05)
    assert metrics.calibration(is_bad, 2 * metrics.logit(probability))[1] == pytest.approx(0.5, abs=0.03)
    assert metrics.expected_calibration_error(is_bad, probability) < 0.01
    assert metrics.expected_calibration_error(is_bad, np.clip(probability + 0.1, 0, 1)) > 0.08


def test_calibration_of_separated_outcomes_is_refused_not_invented() -> None:
    with pytest.raises(ValueError, match="no finite answer"):
        metrics.calibration(np.array([False, False, True, True]), np.array([-2.0, -1.0, 1.0, 2.0]))
    with pytest.raises(ValueError, match="no finite answer"):
        metrics.calibration(np.array([False, True]), np.array([0.0, 0.0]))


def test_capture_counts_a_tie_at_the_edge_of_the_list_in_part() -> None:
    is_bad = np.array([True, True, False, False, True, False, False, False, False, False])
    probability = np.array([0.9, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    assert metrics.capture(is_bad, probability, 0.1) == pytest.approx(1 / 3)
    assert metrics.capture(is_bad, probability, 0.3) == pytest.approx((1 + 2 * 2 / 4) / 3)
    assert metrics.precision(is_bad, probability, 0.3) == pytest.approx(2 / 3)


def test_no_figure_depends_on_the_order_of_the_rows() -> None:
    shuffled = RANDOM.permutation(len(IS_BAD))
    for before, after in zip(
        metrics.figures(IS_BAD, PROBABILITY), metrics.figures(IS_BAD[shuffled], PROBABILITY[shuffled]), strict=True
    ):
        assert after.value == pytest.approx(before.value, abs=1e-9), before.metric


def test_every_figure_names_its_rows_and_bads_and_one_class_alone_has_none() -> None:
    made = metrics.figures(IS_BAD, PROBABILITY)
    assert {(figure.rows, figure.bads) for figure in made} == {(4000, int(IS_BAD.sum()))}
    assert made[0].standard_error == pytest.approx(0.009, abs=0.004)
    assert metrics.figures(np.zeros(10, dtype=bool), np.linspace(0, 1, 10)) == ()


def test_psi_is_nothing_for_the_same_shares_and_large_for_a_shifted_book() -> None:
    assert metrics.psi([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]) == 0
    assert metrics.psi([0.5, 0.5], [0.25, 0.75]) == pytest.approx(0.25 * np.log(0.75 / 0.25 / 1.0), rel=1e-9)
    assert metrics.psi([0.5, 0.5, 0.0], [0.2, 0.3, 0.5]) > 0.25
    with pytest.raises(ValueError, match="same"):
        metrics.psi([0.5, 0.5], [1.0])
