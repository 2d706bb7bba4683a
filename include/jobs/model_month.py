"""The month's work on models: which run it looks through, and every model in turn."""

import logging
from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from typing import Any

from include.errors import RefusedError
from include.jobs.model_cards import CARD, CARDS_DIR, versions_in_use
from include.jobs.model_drafts import FOLDER
from include.jobs.model_evaluate import model_evaluate
from include.jobs.model_review import model_review, next_steps
from include.jobs.train import train
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import AUDITOR, TRANSFORMER
from include.warehouse.runs import load_run
from models.monitor import worst_status

log = logging.getLogger(__name__)
AUTHOR = "model_monthly"  # what trains month by month; whoever validates and approves are two people


def month_end_run(month: date, settings: Settings) -> str:
    """The run that readers see on the last day of the month. Raises RefusedError when that day is not published."""
    last = month.replace(day=monthrange(month.year, month.month)[1])
    with connect(settings, role=AUDITOR, application_name="postloan:model_month") as connection:
        found = connection.execute(
            "select distinct run_id from ops.publication where business_date = %s", (last,)
        ).fetchone()
    if found is None:
        raise RefusedError(
            f"{last} is not published: models are looked at on month-ends", next_command=f"postloan run {last}"
        )
    return str(found[0])


def train_models(run_id: str, settings: Settings, *, watermark: str | None = None) -> dict[str, Any]:
    """A draft of every model that policy has a label for, its version the month. Returns what became of each model."""
    with connect(settings, role=TRANSFORMER, application_name="postloan:model_month") as connection:
        day = load_run(connection, run_id).business_date
        models = connection.execute(
            "select distinct model_code from ref.model_label "
            "where valid_from <= %(day)s and coalesce(valid_to, 'infinity') >= %(day)s order by 1",
            {"day": day},
        ).fetchall()
    version = f"{day.year}.{day.month:02}"
    made = {
        code: train(run_id, settings, model_code=code, version=version, author=AUTHOR, watermark=watermark)
        for (code,) in models
    }
    return {"version": version, "models": {code: counts["status"] for code, counts in made.items()}}


def evaluate_models(run_id: str, settings: Settings, trained: dict[str, Any]) -> list[dict[str, Any]]:
    """Every draft of ``train_models`` beside the champion in force; a model with too few bads has no draft."""
    return [
        model_evaluate(run_id, settings, model_code=code, version=trained["version"])
        for code, status in trained["models"].items()
        if status == "DRAFT"
    ]


def review_models(
    run_id: str, settings: Settings, drafts: Sequence[dict[str, Any]], *, reviewer: str
) -> dict[str, Any]:
    """Keep that a person validated these drafts, and print for each what is to be committed."""
    said = []
    for draft in drafts:
        kept = model_review(
            run_id, settings, model_code=draft["model_code"], version=draft["version"], reviewer=reviewer
        )
        log.info("%s", next_steps(kept))
        said.append(kept)
    return {"reviewer": reviewer, "drafts": len(said), "rows": "".join(kept["rows"] for kept in said)}


def versions_with_status(run_id: str, settings: Settings) -> list[tuple[str, str, str, str]]:
    """Model, version, state and the worst reading of every version in use on the run's date.

    The readings are the latest on or before it; NOT_MATURE where the version was never measured.
    """
    with connect(settings, role=AUDITOR, application_name="postloan:model_month") as connection:
        day = load_run(connection, run_id).business_date
        in_use = versions_in_use(connection, day, CARDS_DIR)
        readings = connection.execute(
            "select model_code, model_version, status_code from ops.model_monitor "
            "where business_date = (select max(business_date) from ops.model_monitor where business_date <= %s)",
            (day,),
        ).fetchall()
    found = []
    for version in in_use:
        entry = version.entry
        statuses = [status for *key, status in readings if key == [entry.model_code, entry.version]]
        found.append((entry.model_code, entry.version, entry.state, worst_status(statuses)))
    return found


def drafts_waiting(settings: Settings) -> list[tuple[str, str]]:
    """Model and version of every draft whose evidence is kept."""
    return sorted(
        (path.parent.parent.name, path.parent.name) for path in (settings.exports / FOLDER).glob(f"*/*/{CARD}")
    )
