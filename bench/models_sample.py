"""The training code on the sample bank, out of time, beside the best that its generator allows.

The generator knows how every borrower will pay: its hazard of a row (a loan on a month-end) is learned from an
independent bank whose lives lie open, behaviours and fates included. With that hazard as the score the area is one that
only the generator reaches. A lender sees what has happened, not how a borrower is made: the best score from the
features is the hazard that is to be expected given them; the best directed score is the same for who may use a feature
in its declared direction only; the best card is for who has to add up features besides. Whoever learns from outcomes
has to be within .01 of the best of its kind. What directions and adding up cost in this bank, the table says.

python -m bench.models_sample --loans 15000
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and scikit-learn start their threads

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold

from include.jobs.land import land
from include.jobs.open_run import open_run
from include.jobs.train import learning_rows, split
from include.jobs.training_rows import ModelPolicy, TrainingRows, model_policy, training_rows
from include.sample_bank.bank import SampleBank
from include.sample_bank.fates import make_fates
from include.sample_bank.frames import identifiers
from include.sample_bank.loans import NEVER
from include.sample_bank.world import World
from include.settings import Settings
from include.warehouse import embedded
from include.warehouse.migrate import migrate
from models import boosting, metrics
from models.train import Recipe, Rows, predict, train_card

FIRST, LAST = date(2022, 7, 1), date(2025, 12, 31)
WINDOW_DAYS = 1_280
SYSTEMS = ("core_banking", "payments", "customer", "bureau", "accounts")
BOOK_SEED, OPEN_SEED = 7, 1007
LABELS = {"late30_in_90d": (30, 90), "default90_in_12m": (90, 365)}  # exceeds, horizon
OPEN_ROWS = 600_000
FOLDS = 3
GATE = 0.01
COMPARED = {
    "best from the features": "  learned without directions",
    "best directed": "  full challenger",
    "best card": "  card",
}
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lives:
    """Rows of a bank whose lives lie open. seen: what a lender could know of the payments; all: with what it cannot."""

    loan_id: NDArray[np.object_]
    as_of: NDArray[np.int64]
    seen: Floats
    all: Floats
    settled: Sequence[NDArray[np.int64]]  # due and settled days, loans x instalments

    def is_bad(self, loan: NDArray[np.int64], exceeds_days: int, horizon_days: int) -> NDArray[np.bool_]:
        """Whether an instalment stands unpaid for more than so many days for the first time inside the horizon."""
        due, settled = self.settled
        event = due[loan] + exceeds_days + 1
        happens = (settled[loan] >= event) & (due[loan] < NEVER)
        day = self.as_of[:, None]
        return np.asarray((happens & (event > day) & (event <= day + horizon_days)).any(axis=1), dtype=np.bool_)


def main() -> None:
    """Build the book, train on it, print both areas; exits with an error when the card is too far from the best."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--loans", type=int, default=15_000)
    loans = options.parse_args().loans
    started = time.process_time()
    bank = SampleBank(BOOK_SEED, loans, FIRST, window_days=WINDOW_DAYS, systems=SYSTEMS)
    with tempfile.TemporaryDirectory(prefix="postloan-bench-") as folder:
        Path(folder).chmod(0o711)
        found = book(bank, Settings(home=Path(folder), warehouse_url=None))
    opened = SampleBank(OPEN_SEED, max(loans, 60_000), FIRST, window_days=WINDOW_DAYS, systems=SYSTEMS)
    print(f"sample bank, {loans:,} loans, known on {LAST}; the hazard learned from {opened.loans:,} open lives")
    low = [line for code, (policy, rows) in found.items() for line in measured(code, policy, rows, bank, opened)]
    print(f"({time.process_time() - started:.0f} s of processor besides the server)")
    if low:
        raise SystemExit("too far from the best: " + "; ".join(low))


def book(bank: SampleBank, settings: Settings) -> dict[str, tuple[ModelPolicy, TrainingRows]]:
    """The bank landed in a warehouse of its own, and the rows of each label by the SQL of the daily features."""
    start = bank.first_date
    # every system from the first day on: months without accounts would be another book than the months judged on
    parcels = [
        replace(parcel, after=start - timedelta(days=1), from_date=start) for parcel in bank.history_parcels(LAST)
    ]
    bank.write(settings.landing, parcels)
    embedded.start(settings)
    try:
        migrate(settings)
        for system in SYSTEMS:
            land(LAST, system, settings)
        run_id = open_run(LAST, settings)
        found = {}
        for code in LABELS:
            policy = model_policy(code, LAST, settings)
            assert policy is not None
            found[code] = (policy, training_rows(run_id, code, policy, settings))
        return found
    finally:
        embedded.stop(settings)


def measured(code: str, policy: ModelPolicy, found: TrainingRows, bank: SampleBank, opened: SampleBank) -> list[str]:
    """One table of a label; returns what is below the gate."""
    learn, judge, _ = split(found, policy)
    rows = learning_rows(found.frame, found.labels.is_bad, policy)
    learned, judged = rows.of(learn), rows.of(judge)
    recipe = Recipe(code, "bench", policy.label_code, policy.horizon_days, policy.settlement_days, policy.features,
                    policy.segments, policy.least_bads, {"currency": ("CNY",)})  # fmt: skip
    card = train_card(recipe, learned)
    full = boosting.fit_full(learned.values(recipe.features), learned.is_bad, recipe.features)
    undirected = [replace(feature, direction=0) for feature in recipe.features]
    free = boosting.fit_full(learned.values(recipe.features), learned.is_bad, undirected)
    loan_id = found.frame["loan_id"].to_numpy(dtype=object)
    as_of = found.frame["as_of"].to_numpy(dtype="datetime64[D]").astype(np.int64)
    hazard, seen = hazards(LABELS[code], bank, opened, loan_id, as_of)
    usable = np.flatnonzero(found.labels.is_usable)
    best = Best(rows.of(usable).values(recipe.features), hazard[usable], loan_id[usable])
    wider = Best(np.column_stack([best.values, seen[usable]]), best.hazard, best.loan_id)
    directions = [feature.direction for feature in recipe.features]
    pools = [np.isin(rows.segment[usable].astype(str), part.segments) for part in card.segments]
    outside = np.searchsorted(usable, np.flatnonzero(judge))
    scores = {
        "generator, knows the lives": hazard[judge],
        "best from features and payments": wider.score()[outside],
        "best from the features": best.score()[outside],
        "  learned without directions": boosting.probabilities(free, judged.values(recipe.features)),
        "best directed": best.score(directions)[outside],
        "  full challenger": boosting.probabilities(full, judged.values(recipe.features)),
        "best card": best.score(directions, pools)[outside],
        "  card": predict(card, judged),
    }
    print(f"\n{code}: learned from {len(learned):,} rows ({int(learned.is_bad.sum()):,} bads), judged out of time")
    slices = {"all": np.ones(len(judged), dtype=np.bool_)}
    slices |= {segment: judged.segment == segment for segment in policy.segments}
    print(f"{'':<34}" + "".join(f"{name[:22]:>24}" for name in slices))
    print(f"{'n / bads':<34}" + "".join(counted(judged, chosen) for chosen in slices.values()))
    areas = {
        name: {part: area(judged.is_bad[chosen], score[chosen]) for part, chosen in slices.items()}
        for name, score in scores.items()
    }
    for name, by_slice in areas.items():
        print(f"{name:<34}" + "".join(f"{value:>24.4f}" for value in by_slice.values()))
    gaps = {name.strip(): areas[best_name]["all"] - areas[name]["all"] for best_name, name in COMPARED.items()}
    print("from the best of its kind: " + ", ".join(f"{name} {gap:+.4f}" for name, gap in gaps.items()))
    return [f"{code}, {name}: {gap:.4f}" for name, gap in gaps.items() if gap > GATE]


def counted(rows: Rows, chosen: NDArray[np.bool_]) -> str:
    return f"{int(chosen.sum()):>15,} / {int(rows.is_bad[chosen].sum()):>6,}"


def area(is_bad: NDArray[np.bool_], score: Floats) -> float:
    """The area under the curve, NaN where one of the two outcomes is absent."""
    return metrics.auc(is_bad, score) if 0 < int(is_bad.sum()) < len(is_bad) else float("nan")


def hazards(
    label: tuple[int, int], bank: SampleBank, opened: SampleBank, loan_id: NDArray[np.object_], as_of: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """The generator's hazard of each row of the book, and what a lender could see of its payments."""
    draws = np.random.default_rng(OPEN_SEED)
    parts, outcomes = [], []
    months = month_ends()
    for world in opened.worlds():
        due, settled = instalments(world)
        loans = len(world.lives.loans)
        loan = np.repeat(np.arange(loans), len(months))
        day = np.tile(months, loans)
        live = is_live(world, due, settled, loan, day)
        chosen = np.flatnonzero(live)
        share = OPEN_ROWS * loans // opened.loans
        chosen = np.sort(draws.choice(chosen, min(share, len(chosen)), replace=False))
        rows = lives(world, due, settled, loan[chosen], day[chosen])
        parts.append(rows.all)
        outcomes.append(rows.is_bad(loan[chosen], *label))
    model = HistGradientBoostingClassifier(
        max_iter=400, learning_rate=0.05, max_leaf_nodes=31, min_samples_leaf=60, early_stopping=False, random_state=0
    )
    model.fit(np.concatenate(parts), np.concatenate(outcomes))
    hazard, seen = np.zeros(len(loan_id)), np.zeros((len(loan_id), 0))
    for world in bank.worlds():
        ids = identifiers(world.lives.loans.ids, "", 10).to_numpy(zero_copy_only=False)
        place = pd.Series(np.arange(len(ids)), index=ids)
        own = np.flatnonzero(pd.Series(loan_id).isin(ids).to_numpy())
        due, settled = instalments(world)
        rows = lives(world, due, settled, place[loan_id[own]].to_numpy(), as_of[own])
        if not seen.shape[1]:
            seen = np.zeros((len(loan_id), rows.seen.shape[1]))
        hazard[own], seen[own] = model.predict_proba(rows.all)[:, 1], rows.seen
    return hazard, seen


@dataclass(frozen=True)
class Best:
    """Rows with their hazards: what a model would reach that was taught by hazards in place of outcomes."""

    values: Floats
    hazard: Floats
    loan_id: NDArray[np.object_]

    def score(self, directions: Sequence[int] = (), pools: Sequence[NDArray[np.bool_]] = ()) -> Floats:
        """The hazard expected given the values, for each row by a model that has not seen its loan.

        directions: each feature only in its own; none: any way. pools: added up over features, one model a pool.
        """
        found = np.full(len(self.hazard), np.nan)
        for pool in pools or [np.ones(len(found), dtype=np.bool_)]:
            rows = np.flatnonzero(pool)
            told = np.where(np.isnan(self.values[rows]).all(axis=0), 0.0, self.values)  # nobody of the pool has it
            for learn, other in GroupKFold(FOLDS).split(rows, groups=self.loan_id[rows]):
                model = HistGradientBoostingClassifier(
                    max_iter=250, learning_rate=0.06, max_leaf_nodes=8 if pools else 31, min_samples_leaf=100,
                    interaction_cst="no_interactions" if pools else None, early_stopping=False, random_state=0,
                    monotonic_cst=list(directions) or None,
                )  # fmt: skip
                # a row with the hazard .2 is a fifth of a bad and four fifths of a good
                taught, hazard = told[rows[learn]], self.hazard[rows[learn]]
                outcome = np.repeat([True, False], len(learn))
                model.fit(np.concatenate([taught, taught]), outcome, sample_weight=np.concatenate([hazard, 1 - hazard]))
                found[rows[other]] = model.predict_proba(told[rows[other]])[:, 1]
        return found


def month_ends() -> NDArray[np.int64]:
    """Every month-end of the window; the lives go on beyond it, so every label can be read."""
    days = pd.date_range(FIRST, LAST, freq="ME")
    return days.to_numpy().astype("datetime64[D]").astype(np.int64)


def instalments(world: World) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Due and settled day of every instalment in force, loans x instalments in order of due day; NEVER fills up."""
    rows = world.instalments
    rows = rows.of(rows.amount > 0)
    order = np.lexsort((rows.due_on, rows.loan))
    rows = rows.of(order)
    first = np.searchsorted(rows.loan, np.arange(len(world.lives.loans)))
    column = np.arange(len(rows.loan)) - first[rows.loan]
    shape = (len(world.lives.loans), int(column.max()) + 1)
    due, settled = np.full(shape, NEVER, dtype=np.int64), np.full(shape, NEVER, dtype=np.int64)
    due[rows.loan, column], settled[rows.loan, column] = rows.due_on, rows.settled_on
    return due, settled


def is_live(
    world: World, due: NDArray[np.int64], settled: NDArray[np.int64], loan: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Paid out, not ended, something still to be paid, and at most 90 days late: what the models are for."""
    lives_of = world.lives
    open_then = (lives_of.loans.disbursed_on[loan] <= day) & (lives_of.status_on[loan] > day)
    has_open = ((settled > 0) & (due < NEVER))[loan] & (settled[loan] > day[:, None])
    return np.asarray(open_then & has_open.any(axis=1) & (days_late(due, settled, loan, day) <= 90), dtype=np.bool_)


def days_late(
    due: NDArray[np.int64], settled: NDArray[np.int64], loan: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.int64]:
    is_open = (due[loan] < day[:, None]) & (settled[loan] > day[:, None])
    oldest = np.where(is_open, due[loan], NEVER).min(axis=1)
    return np.where(oldest < NEVER, day - oldest, 0)


def lives(
    world: World, due: NDArray[np.int64], settled: NDArray[np.int64], loan: NDArray[np.int64], day: NDArray[np.int64]
) -> Lives:
    """The rows' payments so far, and what their borrowers are made of."""
    loans, at = world.lives.loans, day[:, None]
    is_past = due[loan] < at
    late = np.where(is_past, np.minimum(settled[loan], at) - due[loan], -999).astype(np.float64)
    count = is_past.sum(axis=1)
    last = np.clip(count - 1, 0, None)
    row = np.arange(len(loan))
    recent = [np.where(count > back, late[row, np.clip(last - back, 0, None)], np.nan) for back in range(4)]
    owner = world.owner[loan]
    fates = world.once(make_fates)
    seen = np.column_stack(
        [
            days_late(due, settled, loan, day), count, loans.instalment_counts[loan] - count,
            loans.instalment_counts[loan], day - loans.disbursed_on[loan], late.max(axis=1), (late > 0).sum(axis=1),
            (late > 7).sum(axis=1), *recent, loans.channels[loan], loans.products[loan],
        ]
    ).astype(np.float64)  # fmt: skip
    hidden = np.column_stack(
        [world.lives.behaviours[loan], fates.fate[owner], np.clip(day - fates.begins_on[owner], -400, 400)]
    ).astype(np.float64)
    ids = identifiers(loans.ids, "", 10).to_numpy(zero_copy_only=False)
    return Lives(ids[loan], day, seen, np.column_stack([seen, hidden]), (due, settled))


if __name__ == "__main__":
    main()
