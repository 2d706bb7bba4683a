"""### Models, month by month
Looks how models in use are doing, trains challengers, judges them out of time, and asks a person to validate them.

Nothing comes into force here: an approval is kept with the person's name, and the rows to commit are printed. The
champion of a date is a dated policy row behind which three people stand (decision 18).

**If it is red:** the daily lists go on with the champion that they have. `docs/runbook.md` has a heading for each task.
A month that was closed without Airflow: trigger with the key `2026-01`.
"""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, PartitionedAssetTimetable, dag, task

from dags.assets import CLOSED_MONTH
from dags.on_call import ON_CALL, send_failure_digest
from dags.run_key import MONTH, MONTH_PATTERN, as_month
from include.settings import load_settings

DAYS_TO_DECIDE = 14
MARK = {"type": ["null", "string"], "pattern": r"^[A-Z][A-Z0-9_]*$", "maxLength": 40}
QUESTION = "Validate the challengers of {{ dag_run.partition_key or params.month }} for shadow?"
DRAFTS = """Each draft beside the champion in force, on month-ends that it has not learned from:

{% for one in task_instance.xcom_pull(task_ids='evaluate') %}
- **{{ one.model_code }} {{ one.version }}**: {{ one.verdict }}; n {{ one.rows }}, bads {{ one.bads }};
  AUC {{ one.areas }}; evidence in `{{ one.folder }}`
{% endfor %}

*Approve* says that you have read the evidence and are not its author. It keeps your name and prints the policy rows to
commit for a shadow run; a champion takes a third person. *Reject* leaves everything as it is."""


@task
def monitor(month: str) -> dict[str, Any]:
    from include.jobs.model_monitor import model_monitor
    from include.jobs.model_month import month_end_run

    settings = load_settings()
    opened_run_id = month_end_run(as_month(month), settings)
    return {"opened_run_id": opened_run_id, **model_monitor(opened_run_id, settings)}


@task
def train(seen: dict[str, Any], watermark: str) -> dict[str, Any]:
    from include.jobs.model_month import train_models

    return train_models(seen["opened_run_id"], load_settings(), watermark=watermark or None)


@task.short_circuit(ignore_downstream_trigger_rules=True)
def evaluate(seen: dict[str, Any], trained: dict[str, Any]) -> list[dict[str, Any]]:
    from include.jobs.model_month import evaluate_models

    return evaluate_models(seen["opened_run_id"], load_settings(), trained)  # no draft: nobody is asked


@task
def record(seen: dict[str, Any], drafts: list[dict[str, Any]], answer: dict[str, Any]) -> dict[str, Any]:
    from include.jobs.model_month import review_models

    person = answer["responded_by_user"] or {}
    return review_models(seen["opened_run_id"], load_settings(), drafts, reviewer=str(person.get("name") or ""))


@dag(
    schedule=PartitionedAssetTimetable(assets=CLOSED_MONTH),
    max_active_runs=1,
    default_args=ON_CALL,
    on_failure_callback=send_failure_digest,
    params={
        "month": Param(None, type=["null", "string"], pattern=MONTH_PATTERN, maxLength=7, title="Month"),
        "watermark": Param(None, title="Said beside every score: the book is not the lender's own", **MARK),
    },
    tags=["post_loan", "tier_3"],
    doc_md=__doc__,
)
def model_monthly() -> None:
    seen = monitor(MONTH)
    drafts = evaluate(seen, train(seen, "{{ params.watermark or '' }}"))
    approve = ApprovalOperator(
        task_id="approve",
        subject=QUESTION,
        body=DRAFTS,
        response_timeout=timedelta(days=DAYS_TO_DECIDE),
    )
    drafts >> approve
    record(seen, drafts, approve.output)


model_monthly()
