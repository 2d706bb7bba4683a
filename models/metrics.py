"""How good probabilities are, on rows whose outcome is known. Every figure is told with its n and bads.

``is_bad`` and ``probability`` are equally long; ties in probability never depend on the order of the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
TOP_SHARES = (0.05, 0.10, 0.20)
CALIBRATION_STEPS = 60


@dataclass(frozen=True)
class Figure:
    """One measured figure. ``standard_error`` is None where no formula is declared for it."""

    metric: str
    value: float
    rows: int
    bads: int
    standard_error: float | None = None


def figures(is_bad: Bools, probability: Floats) -> tuple[Figure, ...]:
    """Every figure of a set of matured rows; none at all when one of the two classes is absent."""
    rows, bads = len(is_bad), int(is_bad.sum())
    if not 0 < bads < rows:
        return ()
    area = auc(is_bad, probability)
    intercept, slope = calibration(is_bad, logit(probability))
    values = {
        "ks": ks(is_bad, probability),
        "brier": brier(is_bad, probability),
        "calibration_intercept": intercept,
        "calibration_slope": slope,
        "ece_10": expected_calibration_error(is_bad, probability),
        **{f"capture_{share:.0%}": capture(is_bad, probability, share) for share in TOP_SHARES},
        **{f"precision_{share:.0%}": precision(is_bad, probability, share) for share in TOP_SHARES},
    }
    return (
        Figure("auc", area, rows, bads, auc_standard_error(area, rows, bads)),
        *(Figure(metric, value, rows, bads) for metric, value in values.items()),
    )


def auc(is_bad: Bools, probability: Floats) -> float:
    """The share of pairs of a bad and a good in which the bad has the higher probability; a tie counts half."""
    bads = int(is_bad.sum())
    goods = len(is_bad) - bads
    _, place, count = np.unique(probability, return_inverse=True, return_counts=True)
    mid_rank = np.cumsum(count) - (count - 1) / 2
    return float((mid_rank[place][is_bad].sum() - bads * (bads + 1) / 2) / (bads * goods))


def auc_standard_error(area: float, rows: int, bads: int) -> float:
    """Hanley and McNeil 1982."""
    goods = rows - bads
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (bads - 1) * (first - area**2) + (goods - 1) * (second - area**2)
    return float(np.sqrt(spread / (bads * goods)))


def ks(is_bad: Bools, probability: Floats) -> float:
    """The largest distance between the distributions of bads and goods."""
    bads_by_value, goods_by_value = _by_value(is_bad, probability)
    distance = np.cumsum(bads_by_value) / bads_by_value.sum() - np.cumsum(goods_by_value) / goods_by_value.sum()
    return float(np.abs(distance).max())


def brier(is_bad: Bools, probability: Floats) -> float:
    """Mean squared distance between probability and outcome."""
    return float(np.mean((probability - is_bad) ** 2))


def capture(is_bad: Bools, probability: Floats, share: float) -> float:
    """Share of all bads among the ``share`` of rows with the highest probability; a tie at the edge counts in part."""
    bads_by_value, goods_by_value = _by_value(is_bad, probability)
    bads = np.cumsum(bads_by_value[::-1])
    rows = np.cumsum((bads_by_value + goods_by_value)[::-1])
    return float(np.interp(share * len(is_bad), [0, *rows], [0, *bads]) / bads[-1])


def precision(is_bad: Bools, probability: Floats, share: float) -> float:
    """Share of bads among the ``share`` of rows with the highest probability."""
    return capture(is_bad, probability, share) * int(is_bad.sum()) / (share * len(is_bad))


def expected_calibration_error(is_bad: Bools, probability: Floats, bands: int = 10) -> float:
    """Mean distance between predicted and observed bad rate over equally large bands of probability."""
    value, count = np.unique(probability, return_counts=True)
    bads, _ = _by_value(is_bad, probability)
    edges = np.linspace(0, len(is_bad), bands + 1)
    rows = [0, *np.cumsum(count)]
    observed = np.diff(np.interp(edges, rows, [0, *np.cumsum(bads)]))
    expected = np.diff(np.interp(edges, rows, [0, *np.cumsum(value * count)]))
    return float(np.abs(observed - expected).sum() / len(is_bad))


def calibration(is_bad: Bools, logits: Floats) -> tuple[float, float]:
    """Intercept and slope of a logistic regression of the outcome on the logit; 0 and 1 are perfect.

    Newton's method on two parameters. Raises ValueError when the outcome is separated or the logit constant: then no
    finite answer exists.
    """
    design = np.column_stack([np.ones_like(logits), logits])
    beta = np.array([0.0, 1.0])
    for _ in range(CALIBRATION_STEPS):
        expected = 1 / (1 + np.exp(-design @ beta))
        information = design.T @ (design * (expected * (1 - expected))[:, None])
        if np.linalg.cond(information) > 1e12:
            break
        step = np.linalg.solve(information, design.T @ (is_bad - expected))
        beta = beta + step
        if float(np.abs(step).max()) < 1e-10:
            return float(beta[0]), float(beta[1])
    raise ValueError("calibration has no finite answer: the logit is constant or separates bads from goods")


def psi(expected_shares: Sequence[float], observed_shares: Sequence[float]) -> float:
    """Population stability index over the same bands; an empty band counts as one row in ten thousand."""
    expected = np.maximum(np.asarray(expected_shares, dtype=np.float64), 1e-4)
    observed = np.maximum(np.asarray(observed_shares, dtype=np.float64), 1e-4)
    if expected.shape != observed.shape:
        raise ValueError(f"{len(expected)} bands at training, {len(observed)} now: the bands have to be the same")
    return float(((observed - expected) * np.log(observed / expected)).sum())


def logit(probability: Floats) -> Floats:
    """Log odds; certainty is taken as one in a thousand million."""
    bounded = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(bounded / (1 - bounded)), dtype=np.float64)


def _by_value(is_bad: Bools, probability: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bads and goods at each distinct probability, lowest first."""
    _, place = np.unique(probability, return_inverse=True)
    bads = np.bincount(place, weights=is_bad).astype(np.int64)
    return bads, np.bincount(place).astype(np.int64) - bads
