"""The training code of ``models/`` on public loan data, beside published figures and those measured before.

Reads the folder in POSTLOAN_REAL_DATA (its parts taiwan/ and superlender/); says so and stops well where it is absent.

python -m bench.models
"""

import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and scikit-learn start their threads

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from bench.real_data import superlender, taiwan
from models import boosting, evaluate, metrics
from models.train import Recipe, Rows, predict, train_card

FOLDS, SEED = 5, 0
COLUMNS = ("auc", "ks", "brier", "capture_10%", "precision_10%", "calibration_slope", "ece_10")
# the same experiment, measured before this code was written, fixed parameters (HGB monotone; additive in two segments)
BEFORE = {
    "champion": "before: additive, 2 segments  .7840 all / .6859 not late now, Brier .1341, capture .319",
    "challenger": "before: monotone  .7871 all / .692 not late now / .668 never late / .743 late now, capture .320",
}
PUBLISHED_TAIWAN = "published (tuned gradient boosting, 3 splits): .7812 to .7824, Brier .134"
PUBLISHED_SUPERLENDER = "published (one notebook, random split): .7198 validation, .6660 final hold-out"
GATES = {
    ("taiwan champion", "all", "auc"): 0.780,
    ("taiwan champion", "not late now", "auc"): 0.682,
    ("taiwan challenger", "all", "auc"): 0.785,
    ("superlender champion, out of time", "all", "auc"): 0.69,
}
CUTOFF = np.datetime64("2017-07-01")


def main() -> None:
    """Both data sets; exits with an error when a figure is below its gate."""
    folder = Path(os.environ.get("POSTLOAN_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    found: dict[tuple[str, str, str], float] = {}
    for name, measure in ((taiwan.NAME, on_taiwan), (superlender.NAME, on_superlender)):
        if (folder / name).is_dir():
            started = time.process_time()
            measure(folder / name, found)
            print(f"({time.process_time() - started:.0f} s of processor)\n")
        else:
            print(f"skipped: {folder / name} is absent; POSTLOAN_REAL_DATA names the folder above it\n")
    low = [f"{key}: {found[key]:.4f} < {gate}" for key, gate in GATES.items() if key in found and found[key] < gate]
    if low:
        raise SystemExit("below the gate: " + "; ".join(low))


def on_taiwan(folder: Path, found: dict[tuple[str, str, str], float]) -> None:
    """Five folds; figures are means over folds of what the other four had taught, slope and ECE are pooled."""
    rows, slices = taiwan.read_rows(folder)
    recipe = taiwan.recipe("bench")
    folds = stratified(rows.is_bad)
    champion, challenger = crossed(recipe, rows, folds)
    print(f"Taiwan, {len(rows):,} customers, {FOLDS}-fold, {len(recipe.features)} features, no protected attribute")
    table("taiwan champion", rows, champion, slices, folds, found, BEFORE["champion"])
    table("taiwan challenger", rows, challenger, slices, folds, found, BEFORE["challenger"])
    print(PUBLISHED_TAIWAN)
    swapped(rows.is_bad, champion, challenger)


def on_superlender(folder: Path, found: dict[tuple[str, str, str], float]) -> None:
    """Learned from loans whose outcome was known before July 2017, judged on the flags of the loans of July 2017."""
    book, recipe = superlender.read_book(folder), superlender.recipe("bench")
    learn = ~book.is_current & (book.known_on < CUTOFF)
    judged = book.rows.of(book.is_current)
    card = train_card(recipe, book.rows.of(learn))
    print(
        f"superlender: learned from {int(learn.sum()):,} loans known before {CUTOFF} "
        f"({int(book.rows.is_bad[learn].sum()):,} with a late first instalment), judged on {len(judged):,} of July 2017"
    )
    everything = {"all": np.ones(len(judged), dtype=np.bool_)}
    whole = [np.arange(len(judged))]
    name = "superlender champion, out of time"
    table(name, judged, predict(card, judged), everything, whole, found, PUBLISHED_SUPERLENDER)
    model = boosting.fit_full(book.rows.of(learn).values(recipe.features), book.rows.is_bad[learn], recipe.features)
    by_model = boosting.probabilities(model, judged.values(recipe.features))
    table("superlender challenger, out of time", judged, by_model, everything, whole, found, "")
    folds = stratified(judged.is_bad)
    champion, _ = crossed(recipe, judged, folds)
    note = "before: plain gradient boosting, 10 features, 5-fold .703 +- .023"
    table("superlender champion, 5-fold inside July", judged, champion, everything, folds, found, note)


def stratified(is_bad: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The rows that each fold is judged on."""
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    return [judged for _, judged in splitter.split(np.zeros(len(is_bad)), is_bad)]


def crossed(recipe: Recipe, rows: Rows, folds: list[NDArray[np.int64]]) -> tuple[NDArray, NDArray]:
    """Probabilities of champion and challenger for each row by models that have not seen it."""
    champion, challenger = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for judged in folds:
        learn = np.ones(len(rows), dtype=np.bool_)
        learn[judged] = False
        part, other = rows.of(learn), rows.of(judged)
        champion[judged] = predict(train_card(recipe, part), other)
        model = boosting.fit_full(part.values(recipe.features), part.is_bad, recipe.features)
        challenger[judged] = boosting.probabilities(model, other.values(recipe.features))
    return champion, challenger


def table(
    name: str,
    rows: Rows,
    probability: NDArray[np.float64],
    slices: dict[str, NDArray[np.bool_]],
    folds: list[NDArray[np.int64]],
    found: dict[tuple[str, str, str], float],
    note: str,
) -> None:
    """One line a slice: means over the folds, slope and ECE of all folds together."""
    print(f"\n{name:<42}{'n':>7}{'bads':>7}  " + "".join(f"{column[:16]:>18}" for column in COLUMNS))
    for slice_name, chosen in slices.items():
        values: dict[str, list[float]] = {column: [] for column in COLUMNS}
        for judged in folds:
            inside = judged[chosen[judged]]
            (figures,) = evaluate.by_slice(
                rows.is_bad[inside], probability[inside], {slice_name: np.ones(len(inside), dtype=np.bool_)}
            )
            for column in COLUMNS:
                values[column].append(figures.value(column) or float("nan"))
        (pooled,) = evaluate.by_slice(rows.is_bad[chosen], probability[chosen], {slice_name: chosen[chosen]})
        means = {column: float(np.mean(values[column])) for column in COLUMNS}
        means |= {column: pooled.value(column) or float("nan") for column in ("calibration_slope", "ece_10")}
        found |= {(name, slice_name, column): value for column, value in means.items()}
        cells = "".join(f"{means[column]:>18.4f}" for column in COLUMNS)
        print(f"  {slice_name:<40}{pooled.rows:>7,}{pooled.bads:>7,}  {cells}")
    if note:
        print(f"  {note}")


def swapped(is_bad: NDArray[np.bool_], champion: NDArray[np.float64], challenger: NDArray[np.float64]) -> None:
    """What the list of a tenth would gain by the challenger, and what additivity costs, with its standard error."""
    for name, (rows, bads) in evaluate.swap_set(is_bad, champion, challenger, 0.10).items():
        print(f"  list of a tenth, {name}: {rows:,} rows, {bads:,} bads")
    draws = np.random.default_rng(SEED)
    gaps = []
    for _ in range(100):
        place = draws.integers(0, len(is_bad), len(is_bad))
        gaps.append(metrics.auc(is_bad[place], champion[place]) - metrics.auc(is_bad[place], challenger[place]))
    low, high = np.quantile(gaps, [0.025, 0.975])
    print(f"  additive - full, pooled AUC: {np.mean(gaps):+.4f} [{low:+.4f}, {high:+.4f}] (paired bootstrap, 95 %)")


if __name__ == "__main__":
    main()
