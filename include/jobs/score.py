"""score: the probability and the exact reasons of every touched live loan, or why there are none."""

from typing import LiteralString

import pandas as pd

from include.failpoint import failpoint
from include.jobs.model_cards import CARDS_DIR, champions, versions_in_use
from include.jobs.run_rows import read_frame, replace_rows
from include.settings import Settings
from include.warehouse.data_sets import load_data_sets
from include.warehouse.runs import Job, run_job
from models.registry import CHALLENGER
from scoring.score import score_loans
from scoring.shadow import SHADOW_COLUMNS, shadow_scores

FEATURES: LiteralString = """
    select * from published.loan_feature where business_date = %(business_date)s and run_id = %(run_id)s
"""


def score(run_id: str, settings: Settings) -> dict[str, int]:
    """Write ``loan_score`` of the run, and what challengers say in shadow. The rules-only path needs no card at all.

    Returns rows by score_status.

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
        shadow = _shadow(job, loans)
        replace_rows(job, "loan_score_shadow", shadow)
        job.counts = {str(status): int(count) for status, count in sorted(rows["score_status"].value_counts().items())}
        if len(shadow):
            job.counts["in_shadow"] = len(shadow)
        return job.counts


def _shadow(job: Job, loans: pd.DataFrame) -> pd.DataFrame:
    """What the challengers of each model say of the loans that its champion scores, or would."""
    in_use = versions_in_use(job.connection, job.run.business_date, CARDS_DIR)
    challengers = [version.scorer for version in in_use if version.entry.state == CHALLENGER]
    parts = [
        shadow_scores(of_model, [scorer for scorer in challengers if scorer.model_code == model_code])
        for model_code, of_model in loans.groupby("model_code", sort=True)
    ]
    return pd.concat(parts) if parts else pd.DataFrame(columns=list(SHADOW_COLUMNS))
