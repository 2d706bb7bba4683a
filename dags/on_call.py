"""What happens when a task fails, the same for every DAG: try again where that can help, then tell people once."""

import logging
from datetime import timedelta
from typing import Any

from airflow.providers.standard.exceptions import HITLTimeoutError
from airflow.sdk import (
    Context,
    DeadlineAlert,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    SyncCallback,
)

from dags.publish_deadline import DayAfterAt
from include.errors import AuditError, DeliveryError, PostloanError, RefusedError, SupersededError
from include.settings import load_settings

log = logging.getLogger(__name__)
LISTS_DUE_AT = 8  # o'clock in the lender's zone: the lists are worked from nine
MESSAGE = "failure"


def note_failure(context: Context) -> None:
    """Keep what a failed task said to people, for the digest of its run. Other errors may show rows: not kept."""
    error = context.get("exception")
    if isinstance(error, PostloanError):
        context["ti"].xcom_push(MESSAGE, str(error))


def send_failure_digest(context: Context) -> None:
    """One message for a failed run, however many of its tasks failed."""
    from include.notify import failure_digest

    try:
        failures = failed_tasks(context)
    except Exception:  # whatever keeps Airflow from answering, the message itself has to go out
        log.exception("the digest goes out without what the tasks said")
        failures = {}
    run = context.get("dag_run")
    key = key_of(run.partition_key, run.conf, run.run_id) if run else context["run_id"]
    failure_digest(context["dag"].dag_id, key, failures, load_settings())


def failed_tasks(context: Context) -> dict[str, list[str]]:
    """What each failed task of the run said to people; an empty list when it ended without a word."""
    dag_id, run_id, task = context["dag"].dag_id, context["run_id"], context["ti"]
    failures = {}
    for name in context["dag"].task_ids:
        states = task.get_task_states(dag_id=dag_id, task_ids=[name], run_ids=[run_id])
        if "failed" in states.get(run_id, {}).values():
            failures[name] = sorted({said for said in task.xcom_pull(task_ids=[name], key=MESSAGE) if said})
    return failures


def key_of(partition_key: str | None, conf: dict[str, Any] | None, run_id: str) -> str:
    """The date or month that a run is for, as people know it; Airflow's own name for a run that has none."""
    given = conf or {}
    return partition_key or given.get("business_date") or given.get("month") or run_id


def warn_of_late_lists(context: dict[str, Any]) -> None:
    """The lists of a date are not out by their hour: say so while there is time to act."""
    from include.notify import late_digest

    run = context["dag_run"]
    if run["state"] == "failed":
        return  # told already
    key = key_of(run["partition_key"], run["conf"], run["dag_run_id"])
    late_digest(run["dag_id"], key, load_settings())


# A second try reads the same file, the same candidate, the same rule, asks the same person again: somebody has to act.
# All else (a lost connection, a killed process, a warehouse that another run holds) may heal by itself.
CANNOT_HEAL = RetryRule(
    exception=[AuditError, DeliveryError, RefusedError, SupersededError, HITLTimeoutError],
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
    reference=DayAfterAt(LISTS_DUE_AT, load_settings().timezone),
    interval=timedelta(0),
    callback=SyncCallback("dags.on_call.warn_of_late_lists"),
)
