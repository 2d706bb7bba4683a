"""monitor: how every version in use is doing, on month-end cross-sections of the whole live book.

Never on the loans that a day touched: they are the ones to whom something happened. Measured as a published run knows
the book, so asking again gives the same readings. Written to ops.model_monitor, in place of the run's earlier ones.
"""

import logging
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from psycopg.rows import dict_row

from include.errors import PostloanError
from include.jobs.model_cards import CARDS_DIR, Version, registry, versions_in_use
from include.jobs.train import card_shares, tree_shares
from include.jobs.training_rows import ModelPolicy, TrainingRows, model_policy, training_rows
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import TRANSFORMER
from include.warehouse.runs import Run, job_lock, load_run
from models import monitor
from models.card import Card
from models.labels import label
from models.monitor import Limit, Reading, Scored
from models.points import probability
from models.registry import Entry, in_use_from
from models.train import Rows
from scoring.shadow import version_points

log = logging.getLogger(__name__)
# early reads: so many days past due or more, within so many days
EARLY = {"EARLY_5_30": (5, 30), "EARLY_30_60": (30, 60)}
COLUMNS = (
    "business_date", "run_id", "model_code", "model_version", "segment_code", "measure_code", "feature_code", "value",
    "n", "bads", "status_code", "from_date", "to_date",
)  # fmt: skip


def model_monitor(run_id: str, settings: Settings) -> dict[str, Any]:
    """Measure every champion and challenger of the run's date; returns readings by status, by version the worst.

    Without a version in use nothing is written and ``versions`` is empty. Raises RefusedError where the registry names
    a version that cannot be read.
    """
    with job_lock(settings), connect(settings, role=TRANSFORMER, application_name="postloan:monitor") as connection:
        run = load_run(connection, run_id)
        entries = registry(connection)
        versions = versions_in_use(connection, run.business_date, CARDS_DIR)
        limits = _limits(connection, run.business_date)
        connection.commit()
        found: list[tuple[Version, Reading]] = []
        for model_code in sorted({version.entry.model_code for version in versions}):
            policy = model_policy(model_code, run.business_date, settings)
            if policy is None:
                raise PostloanError(f"{model_code} has no row in the policy model_label on {run.business_date}")
            exceeds = [days - 1 for days, _ in EARLY.values()]
            rows = training_rows(run_id, model_code, policy, settings, also_exceeds=exceeds)
            its = [version for version in versions if version.entry.model_code == model_code]
            found += [(version, one) for version in its for one in readings(version, entries, rows, policy, limits)]
        _replace(connection, run, found)
    worst = {
        f"{version.entry.model_code} {version.entry.version}": monitor.worst(
            one for other, one in found if other is version
        )
        for version in versions
    }
    log.info("%s: %s", run.business_date, worst or "no version is in use")
    counts = {status: sum(one.status_code == status for _, one in found) for status in monitor.STATUSES}
    return {"business_date": run.business_date.isoformat(), "versions": worst, **counts}


def readings(
    version: Version, entries: list[Entry], found: TrainingRows, policy: ModelPolicy, limits: Mapping[str, Limit]
) -> list[Reading]:
    """Every reading of a version. Performance and early reads count only month-ends since the version has scored."""
    first = in_use_from(entries, version.entry.model_code, version.entry.version)
    points, chosen = version_points(found.frame, version.scorer)
    as_of = found.frame["as_of"].to_numpy(dtype="datetime64[D]")
    scored = Scored(
        found.frame["loan_id"].to_numpy(dtype=object),
        as_of,
        found.frame["segment_code"].to_numpy(dtype=object),
        np.where(chosen, probability(points), np.nan),
        points,
    )
    is_in_use = as_of >= np.datetime64(first) if first is not None else np.zeros(len(as_of), dtype=np.bool_)
    labels = found.labels
    made = [*_drift(version, found.frame, chosen, limits), monitor.rank_stability(scored, limits)]
    made += monitor.performance(scored, labels.is_bad, labels.is_usable & is_in_use, limits)
    cutoff = np.datetime64(found.run.business_date)
    for measure, (days, within) in EARLY.items():
        early = label(
            found.frame,
            found.outcomes[days - 1],
            horizon_days=within,
            settlement_days=policy.settlement_days,
            cutoff=cutoff,
        )
        made += monitor.early_read(measure, scored, early.is_bad, early.is_usable & is_in_use, limits)
    return made


def _drift(version: Version, frame: pd.DataFrame, chosen: np.ndarray, limits: Mapping[str, Limit]) -> list[Reading]:
    """The last month-end against the training rows; nothing where the training's shares were not kept."""
    if version.shares is None or not chosen.any():
        return []
    last = frame["as_of"].max()
    part = frame[chosen & (frame["as_of"] == last).to_numpy()]
    names = [column for column in part.columns if pd.api.types.is_float_dtype(part[column])]
    columns = {name: part[name].to_numpy(dtype=np.float64) for name in names}
    rows = Rows(columns, np.zeros(len(part), dtype=np.bool_), part["segment_code"].to_numpy(dtype=object))
    scorer = version.scorer
    if isinstance(scorer, Card):
        now, pools = card_shares(scorer, rows), [segment.segments for segment in scorer.segments]
    else:
        now, pools = tree_shares(scorer, rows), [scorer.segments]
    counts = {"+".join(pool): int(np.isin(rows.segment.astype(str), pool).sum()) for pool in pools}
    return monitor.drift(version.shares, now, counts, last.date(), limits)


def _limits(connection: psycopg.Connection, day: date) -> dict[str, Limit]:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "select measure_code, watch_from, watch_to, act_from, act_to, least_rows, least_bads from ref.model_limit "
            "where valid_from <= %(day)s and coalesce(valid_to, 'infinity') >= %(day)s",
            {"day": day},
        ).fetchall()
    bounds = ("watch_from", "watch_to", "act_from", "act_to")
    return {
        row["measure_code"]: Limit(**row | {name: None if row[name] is None else float(row[name]) for name in bounds})
        for row in rows
    }


def _replace(connection: psycopg.Connection, run: Run, found: list[tuple[Version, Reading]]) -> None:
    connection.execute("delete from ops.model_monitor where run_id = %s", (run.run_id,))
    rows = [
        (
            run.business_date, run.run_id, version.entry.model_code, version.entry.version, one.segment_code,
            one.measure_code, one.feature_code, one.value, one.n, one.bads, one.status_code, one.from_date, one.to_date,
        )
        for version, one in found
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.executemany(
            f"insert into ops.model_monitor ({', '.join(COLUMNS)}) values ({', '.join(['%s'] * len(COLUMNS))})", rows
        )
