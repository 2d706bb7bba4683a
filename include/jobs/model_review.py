"""review: what a person said of a draft is kept, with the rows to commit. It puts nothing in force."""

import logging
from datetime import date, timedelta
from typing import Any

from include.errors import RefusedError
from include.jobs.model_cards import registry
from include.jobs.model_drafts import read_draft, registry_rows, shadow_entries
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import PUBLISHER
from include.warehouse.runs import load_run

log = logging.getLogger(__name__)
APPROVED, REJECTED = "APPROVED", "REJECTED"


def model_review(
    run_id: str,
    settings: Settings,
    *,
    model_code: str,
    version: str,
    reviewer: str,
    decision: str = APPROVED,
    remark: str = "",
) -> dict[str, Any]:
    """Keep a person's decision on a draft in ops.model_review.

    Approved: returns ``rows``, the rows of the policy model_registry that bring card and challenger into shadow from
    the next unpublished date on. Champion is neither before a third person has approved it and a row says so.
    Raises RefusedError where the reviewer is the author or nobody, or the draft is not the one that was trained.
    """
    if not reviewer.strip():
        raise RefusedError(f"{model_code} {version}: a review without a person is none")
    draft = read_draft(model_code, version, settings)
    with connect(settings, role=PUBLISHER, application_name="postloan:model_review") as connection:
        run = load_run(connection, run_id)
        rows = ""
        if decision == APPROVED:
            (latest,) = connection.execute("select max(business_date) from ops.publication").fetchone() or (None,)
            first: date = (latest or run.business_date) + timedelta(days=1)
            entries = shadow_entries(draft, reviewer.strip(), first)
            source = f"trained as of {run.business_date} by run {run_id}; reviewed by {reviewer.strip()}"
            rows = registry_rows(entries, registry(connection), source)
        connection.execute(
            "insert into ops.model_review (business_date, run_id, model_code, model_version, card_sha256, decision, "
            "reviewer, remark) values (%s, %s, %s, %s, %s, %s, %s, %s)",
            (run.business_date, run_id, model_code, version, draft.card.sha256, decision, reviewer.strip(), remark),
        )
    log.info("%s %s: %s by %s", model_code, version, decision, reviewer.strip())
    return {
        "model_code": model_code,
        "version": version,
        "decision": decision,
        "reviewer": reviewer.strip(),
        "folder": str(draft.folder),
        "rows": rows,
    }


def next_steps(reviewed: dict[str, Any]) -> str:
    """What the reviewer, or whoever commits, has to do: in words, with the exact rows."""
    model_code, version, folder = reviewed["model_code"], reviewed["version"], reviewed["folder"]
    if not reviewed["rows"]:
        return f"{model_code} {version} was rejected by {reviewed['reviewer']}: nothing is to be done"
    return (
        f"{model_code} {version} was validated by {reviewed['reviewer']}. Nothing is in force. For shadow, copy\n"
        f"  {folder}/card.json and training_shares.json to models/{model_code}/{version}/\n"
        f"  {folder}/challenger.json and challenger_shares.json to models/{model_code}/{version}-full/\n"
        "and add to dbt_project/seeds/policy/model_registry.csv:\n"
        f"{reviewed['rows']}"
        "A champion is a further row CHAMPION that names a third person as approver and ends on its review date."
    )
