"""score: the probability and the exact reasons of every touched live loan, or why there are none."""

from datetime import date
from pathlib import Path
from typing import LiteralString

import pandas as pd
import psycopg

from include.errors import RefusedError
from include.failpoint import failpoint
from include.jobs.run_rows import read_frame, replace_rows
from include.settings import PROJECT_DIR, Settings
from include.warehouse.data_sets import load_data_sets
from include.warehouse.runs import run_job
from models.card import Card, read_card
from models.card_check import CardError
from models.registry import RegistryError, champion_on, entry_from_row, refuse_bad_registry
from scoring.score import score_loans

# <model>/<version>/card.json; part of the code hash of a run, as the registry's sha256 is part of its policy hash
CARDS_DIR = PROJECT_DIR / "models"
FEATURES: LiteralString = """
    select * from published.loan_feature where business_date = %(business_date)s and run_id = %(run_id)s
"""
REGISTRY: LiteralString = """
    select model_code, model_version, card_sha256, state, coalesce(author, '') as author,
        coalesce(validator, '') as validator, coalesce(approver, '') as approver,
        review_by_date::text, valid_from::text, coalesce(valid_to::text, '') as valid_to
    from ref.model_registry order by model_code, model_version, valid_from
"""


def score(run_id: str, settings: Settings) -> dict[str, int]:
    """Write ``loan_score`` of the run. Returns rows by score_status; the rules-only path needs no card at all.

    Raises RefusedError when the registry names a champion that nobody may score with.
    """
    with run_job(settings, run_id, "score") as job:
        if job.is_done_before:
            return {}
        loans = read_frame(job, FEATURES)
        cards = champions(job.connection, job.run.business_date, CARDS_DIR)
        parts = [
            score_loans(of_model, str(model_code), cards.get(str(model_code))).astype(object)
            for model_code, of_model in loans.groupby("model_code", sort=True)
        ]
        failpoint("score:mid")
        rows = pd.concat(parts) if parts else pd.DataFrame(columns=load_data_sets()["loan_score"].value_columns)
        replace_rows(job, "loan_score", rows)
        job.counts = {str(status): int(count) for status, count in sorted(rows["score_status"].value_counts().items())}
        return job.counts


def champions(connection: psycopg.Connection, day: date, cards_dir: Path) -> dict[str, Card]:
    """The card of each model's champion on a date, read and checked against the hash that people approved.

    cards_dir: holds ``<model>/<version>/card.json``. Raises RefusedError naming what the registry or the card lacks.
    """
    cursor = connection.execute(REGISTRY)
    names = [column.name for column in cursor.description or []]
    try:
        entries = [entry_from_row(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
        refuse_bad_registry(entries)
        found = {}
        for model_code in sorted({entry.model_code for entry in entries}):
            entry = champion_on(entries, model_code, day)
            if entry is not None:
                path = cards_dir / entry.model_code / entry.version / "card.json"
                found[model_code] = read_card(path.read_text(encoding="utf-8"), entry.card_sha256)
    except (RegistryError, CardError, OSError) as error:
        raise RefusedError(
            f"nothing is scored with the champion of {day}: {error}",
            next_command="git diff dbt_project/seeds/policy/model_registry.csv models",
        ) from error
    return found
