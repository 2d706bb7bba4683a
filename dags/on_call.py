"""What happens when a task fails, the same for every DAG: try again where that can help, then tell people once."""

from datetime import timedelta
from typing import Any

from airflow.sdk import (
    Context,
    DeadlineAlert,
    DeadlineReference,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    SyncCallback,
)

from include.errors import AuditError, DeliveryError, PostloanError, RefusedError, SupersededError
from include.settings import load_settings

# Queued at midnight, so this is 08:00 in the lender's zone: the lists are worked from 09:00.
PUBLISH_WITHIN = timedelta(hours=8)
MESSAGE = "failure"


def note_failure(context: Context) -> None:
    """Keep what a failed task said to people, for the digest of its run. Other errors may show rows: not kept."""
    error = context.get("exception")
    if isinstance(error, PostloanError):
        context["ti"].xcom_push(MESSAGE, str(error))


def send_failure_digest(context: Context) -> None:
    """One message for a failed run, however many of its tasks failed."""
    from include.notify import failure_digest

    dag, run_id, task = context["dag"], context["run_id"], context.get("ti")
    failures: dict[str, list[str]] = {}
    for name in dag.task_ids if task else []:  # without a task Airflow knows only the names of the DAG and its run
        states = task.get_task_states(dag_id=dag.dag_id, task_ids=[name], run_ids=[run_id])
        if "failed" in states.get(run_id, {}).values():
            failures[name] = [said for said in task.xcom_pull(task_ids=[name], key=MESSAGE) if said]
    run = context.get("dag_run")
    failure_digest(dag.dag_id, run.partition_key if run else run_id, failures, load_settings())


def warn_of_late_lists(context: dict[str, Any]) -> None:
    """The lists of a date are not out by their hour: say so while there is time to act."""
    from include.notify import failure_digest

    failure_digest(context["dag_run"]["dag_id"], context["dag_run"]["partition_key"], {}, load_settings())


# A second try reads the same file, the same candidate, the same rule: a person has to act first.
# All else (a lost connection, a killed process, a warehouse that another run holds) may heal by itself.
CANNOT_HEAL = RetryRule(
    exception=[AuditError, DeliveryError, RefusedError, SupersededError],
    action=RetryAction.FAIL,
    reason="a second try would end the same way; docs/runbook.md says what to do",
)

ON_CALL: dict[str, Any] = {
    "owner": "post_loan_risk",
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    "on_failure_callback": note_failure,
    "retry_policy": ExceptionRetryPolicy(rules=[CANNOT_HEAL]),
}

PUBLISH_DEADLINE = DeadlineAlert(
    reference=DeadlineReference.DAGRUN_QUEUED_AT,
    interval=PUBLISH_WITHIN,
    callback=SyncCallback("dags.on_call.warn_of_late_lists"),
)
