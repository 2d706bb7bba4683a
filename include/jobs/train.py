"""train: a draft of a model from the month-ends that a published run knows, with its evidence. Nobody uses it yet.

What comes out is a draft for people: the card below ``models/`` and its rows in the registry are a change that the
author proposes, another person validates and a third one approves.
"""

import logging
import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from include.durable_files import replace_directory
from include.errors import PostloanError, RefusedError
from include.jobs.training_rows import ModelPolicy, TrainingRows, model_policy, training_rows
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import TRANSFORMER
from include.warehouse.runs import load_run
from models import boosting, evaluate
from models.card import Card
from models.evidence import Evidence, evidence_files
from models.monitor import SCORE_POINTS, score_shares
from models.points import calibrated, points_of
from models.train import NothingLearnedError, Recipe, Rows, TooFewBadsError, predict, train_card
from models.trees import Trees, export_trees, tree_points

log = logging.getLogger(__name__)
LIST_SHARE = 0.10
CHALLENGER_VERSION = "{}-full"  # of the challenger that was trained with a version
VERSION = re.compile(r"[0-9][0-9A-Za-z.-]{0,30}")


def train(
    run_id: str, settings: Settings, *, model_code: str, version: str, author: str, watermark: str | None = None
) -> dict[str, Any]:
    """Train, judge out of time, and write the evidence folder ``exports/models/<model>/<version>``.

    Returns rows, bads and the folder; without a model only the counts and status
    ``TOO_FEW_BADS`` or ``NOTHING_LEARNED``. watermark:
    what the book is when it is nobody's own, said wherever a score is shown. Raises RefusedError for an unknown model.
    """
    if not VERSION.fullmatch(version) or not author.strip():
        raise RefusedError(f"a version such as 2026.1 and an author are wanted, not {version!r} by {author!r}")
    with connect(settings, role=TRANSFORMER) as connection:
        day = load_run(connection, run_id).business_date
    policy = model_policy(model_code, day, settings)
    if policy is None:
        raise RefusedError(
            f"{model_code} has no row in the policy model_label on {day}",
            next_command="cat dbt_project/seeds/policy/model_label.csv",
        )
    found = training_rows(run_id, model_code, policy, settings)
    learn, judge, first_judged = split(found, policy)
    counts = _counts(found, learn, judge)
    rows = learning_rows(found.frame, found.labels.is_bad, policy)
    population = {
        column: tuple(sorted(found.frame.loc[learn, column].unique())) for column in ("currency", "product_code")
    }
    recipe = Recipe(
        model_code, version, policy.label_code, policy.horizon_days, policy.settlement_days, policy.features,
        policy.segments, policy.least_bads, population, watermark,
    )  # fmt: skip
    learned, judged = rows.of(learn), rows.of(judge)
    try:
        card = train_card(recipe, learned)
    except TooFewBadsError as error:
        log.info("no model yet: %s", error)
        return {"status": "TOO_FEW_BADS", **counts, "bads_training": int(learned.is_bad.sum())}
    except NothingLearnedError as error:
        log.info("no model yet: %s", error)
        return {"status": "NOTHING_LEARNED", **counts, "bads_training": int(learned.is_bad.sum())}
    evidence = _evidence(card, author, found, (learn, judge), (learned, judged), recipe)
    folder = settings.exports / "models" / model_code / version
    replace_directory(folder, evidence_files(evidence, _texts(day, settings)))
    log.info("%s %s: judged on rows from %s on; evidence in %s", model_code, version, first_judged, folder)
    return {"status": "DRAFT", **counts, "card_sha256": card.sha256, "folder": str(folder)}


def split(found: TrainingRows, policy: ModelPolicy) -> tuple[np.ndarray, np.ndarray, date | None]:
    """Rows to learn from and the last mature months to judge on; no window of the former reaches into the latter."""
    as_of = found.frame["as_of"].to_numpy(dtype="datetime64[D]")
    usable = found.labels.is_usable
    months = np.unique(as_of[usable])
    if len(months) <= policy.out_of_time_months:
        nobody = np.zeros(len(as_of), dtype=np.bool_)
        return nobody, usable, None
    first = months[-policy.out_of_time_months]
    learn, judge = evaluate.out_of_time(as_of, policy.horizon_days, policy.settlement_days, first)
    return learn & usable, judge & usable, first.astype(date)


def _counts(found: TrainingRows, learn: np.ndarray, judge: np.ndarray) -> dict[str, int]:
    labels = found.labels
    return {
        "training": int(learn.sum()),
        "out_of_time": int(judge.sum()),
        "between": int((labels.is_usable & ~learn & ~judge).sum()),
        "not_mature": int((~labels.is_mature).sum()),
        "excluded": int((labels.is_mature & labels.is_excluded).sum()),
    }


def learning_rows(frame: pd.DataFrame, is_bad: np.ndarray, policy: ModelPolicy) -> Rows:
    columns = {feature.name: frame[feature.name].to_numpy(dtype=np.float64) for feature in policy.features}
    return Rows(columns, is_bad, frame["segment_code"].to_numpy(dtype=object))


def _evidence(
    card: Card,
    author: str,
    found: TrainingRows,
    chosen: tuple[np.ndarray, np.ndarray],
    rows: tuple[Rows, Rows],
    recipe: Recipe,
) -> Evidence:
    (learn, judge), (learned, judged) = chosen, rows
    challenger = boosting.fit_full(learned.values(recipe.features), learned.is_bad, recipe.features)
    by_card, by_challenger = predict(card, judged), boosting.probabilities(challenger, judged.values(recipe.features))
    as_of = found.frame["as_of"].to_numpy(dtype="datetime64[D]")
    of_judged = as_of[judge]
    values = learned.values(recipe.features)
    trees = export_trees(challenger, recipe, CHALLENGER_VERSION.format(recipe.version), values)
    slices = {
        "all": np.ones(len(judged), dtype=np.bool_),
        **{f"segment {name}": judged.segment == name for name in recipe.segments},
        **{f"month {str(month)[:7]}": of_judged == month for month in np.unique(of_judged)},
    }
    return Evidence(
        card,
        author,
        {"training": _window(as_of[learn]), "out_of_time": _window(of_judged)},
        _counts(found, learn, judge),
        {
            "champion": evaluate.by_slice(judged.is_bad, by_card, slices),
            "challenger": evaluate.by_slice(judged.is_bad, by_challenger, slices),
        },
        card_shares(card, learned),
        evaluate.importance(card, learned.columns, learned.segment),
        evaluate.swap_set(judged.is_bad, by_card, by_challenger, LIST_SHARE),
        _made_with(found),
        trees,
        tree_shares(trees, learned),
    )


def card_shares(card: Card, rows: Rows) -> dict[str, list[float]]:
    """Shares of rows by band of each feature and of the score, by the segments that share a card."""
    shares = evaluate.band_shares(card, rows.columns, rows.segment)
    for part in card.segments:
        its = rows.of(np.isin(rows.segment.astype(str), part.segments))
        points = calibrated(points_of(part, its.columns, len(its)), part.calibration)
        shares["/".join(("+".join(part.segments), SCORE_POINTS))] = score_shares(points)
    return shares


def tree_shares(trees: Trees, rows: Rows) -> dict[str, list[float]]:
    """Shares of rows by band of a challenger's score."""
    its = rows.of(np.isin(rows.segment.astype(str), trees.segments))
    return {"/".join(("+".join(trees.segments), SCORE_POINTS)): score_shares(tree_points(trees, its.columns, len(its)))}


def _window(as_of: np.ndarray) -> tuple[date, date]:
    return as_of.min().astype(date), as_of.max().astype(date)


def _made_with(found: TrainingRows) -> dict[str, str]:
    from importlib.metadata import version

    libraries = {name: version(name) for name in ("numpy", "scikit-learn")}
    return libraries | {
        "run_id": found.run.run_id,
        "business_date": found.run.business_date.isoformat(),
        "champion": str(boosting.CHAMPION),
        "challenger": str(boosting.CHALLENGER),
    }


def _texts(day: date, settings: Settings) -> dict[str, tuple[str, str]]:
    with connect(settings, role=TRANSFORMER) as connection:
        rows = connection.execute(
            "select text_code, text_zh, text_en from ref.model_card_text "
            "where valid_from <= %(day)s and coalesce(valid_to, 'infinity') >= %(day)s",
            {"day": day},
        ).fetchall()
    if not rows:
        raise PostloanError(f"the policy model_card_text has no row on {day}")
    return {code: (zh, en) for code, zh, en in rows}
