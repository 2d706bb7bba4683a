"""Loans a second that one core scores with a card, reasons included, beside the model that the card was exported from.

python -m bench.score --loans 1000000
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and scikit-learn start their threads

import numpy as np

from models import boosting, metrics
from models.features import Feature
from models.points import calibrated, points_of, probability
from models.train import Recipe, Rows, train_card
from scoring.score import score_rows

FEATURES, TRAINING_ROWS, ROUNDS = 31, 30_000, 5
BUDGET = 200_000  # loans a second


def main() -> None:
    """Train on invented loans, score a million of them, print both speeds and the largest difference."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--loans", type=int, default=1_000_000)
    count = options.parse_args().loans
    random = np.random.default_rng(17)
    features = tuple(Feature(f"fact_{n}", "BORROWER", 1 if n % 3 else -1, "x", "x") for n in range(FEATURES))
    training = invented(random, features, TRAINING_ROWS)
    recipe = Recipe("bench", "1", "bad", 90, 7, features, ("ALL",), 200, {"currency": ("CNY",)})
    (segment,) = train_card(recipe, training).segments
    model = boosting.fit_additive(training.values(features), training.is_bad, features)
    loans = invented(random, features, count)
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        scored = score_rows(segment, loans.columns, count)
        seconds.append(time.process_time() - started)
    values = loans.values(features)
    started = time.process_time()
    by_model = boosting.probabilities(model, values)
    model_seconds = time.process_time() - started
    raw = points_of(segment, loans.columns, count)
    assert (scored.points == calibrated(raw, segment.calibration)).all()
    difference = np.abs(metrics.logit(by_model) - raw / 10_000).max()
    speed = count / float(np.median(seconds))
    bins = sum(len(feature.points) for feature in segment.features)
    print(f"card                 {len(segment.features)} features, {bins} bands")
    print(f"card, with reasons   {speed:>12,.0f} loans a second of processor (median of {ROUNDS}; budget {BUDGET:,})")
    print(f"model, no reasons    {count / model_seconds:>12,.0f} loans a second of processor")
    print(f"ratio                {speed * model_seconds / count:>12.1f}")
    print(
        f"largest difference   {difference:>12.6f} logit, {np.abs(probability(raw) - by_model).max():.7f} probability"
    )
    if speed < BUDGET:
        raise SystemExit(f"{speed:,.0f} loans a second are fewer than {BUDGET:,}")


def invented(random: np.random.Generator, features: tuple[Feature, ...], count: int) -> Rows:
    """Loans of no book: as many bands as real ones, one value in fifty missing."""
    columns = {feature.name: np.round(random.normal(size=count), 2) for feature in features}
    logit = -2.0 + sum(
        feature.direction * 0.25 * np.tanh(columns[feature.name]) for feature in features
    ) + random.normal(size=count)  # fmt: skip
    for values in columns.values():
        values[random.random(count) < 0.02] = np.nan
    return Rows(columns, random.random(count) < 1 / (1 + np.exp(-logit)), np.full(count, "ALL", dtype=object))


if __name__ == "__main__":
    main()
