"""### Restate published dates
Computes chosen dates again, in date order, with what is known now, and publishes them as new versions beside the old.

**If it is red:** the dates up to the one that the error names are restated, that one and the later ones stand as they
were. `docs/runbook.md` has a heading for the task; it may be cleared and run again.
"""

from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from dags.on_call import ON_CALL, send_failure_digest
from dags.run_key import DATE_PATTERN, chosen_dates, date_param

ONE_DATE = {"type": "string", "format": "date", "pattern": DATE_PATTERN}
NAME = {"type": "string", "pattern": r"^\S(.*\S)?$", "maxLength": 200}


@task
def restate() -> dict[str, Any]:
    from include.jobs.restate import restate
    from include.settings import load_settings

    params = get_current_context()["params"]
    return restate(
        chosen_dates(params),
        load_settings(),
        reason=params["reason"],
        approver=params["approver"],
        reopen=params["reopen"],
    )


@dag(
    dag_id="restate",
    schedule=None,
    max_active_runs=1,
    default_args=ON_CALL,
    on_failure_callback=send_failure_digest,
    params={
        "from_date": date_param("First business date"),
        "to_date": date_param("Last business date, included"),
        "dates": Param([], type="array", items=ONE_DATE, uniqueItems=True, maxItems=400, title="Or single dates"),
        "reason": Param(title="Why", minLength=1, **NAME),
        "approver": Param(None, **{**NAME, "type": ["null", "string"]}, title="Approved by (needed for sealed months)"),
        "reopen": Param(False, type="boolean", title="Open sealed months"),
    },
    tags=["post_loan", "tier_2"],
    doc_md=__doc__,
)
def restate_dag() -> None:
    restate()


restate_dag()
