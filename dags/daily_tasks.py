"""The tasks of the daily run: each calls the job of its name and hands on counts, never rows.

Airflow keeps the name ``run_id`` for its own run; ours, which ``open_run`` returns, is ``opened_run_id`` here.
Jobs are imported when they run: dbt, Great Expectations and pandas cost seconds, and every DAG file is read often.
"""

from typing import Any

from airflow.sdk import get_current_context, task

from dags.assets import PUBLISHED_DATE
from dags.run_key import as_date
from include.settings import load_settings


@task
def open_run(business_date: str) -> str:
    from include.jobs.open_run import open_run

    return open_run(as_date(business_date), load_settings())


@task
def transform(opened_run_id: str) -> dict[str, Any]:
    from include.jobs.transform import transform

    return transform(opened_run_id, load_settings())


@task
def audit(opened_run_id: str, stage: str) -> dict[str, Any]:
    from include.jobs.audit import audit

    return audit(opened_run_id, load_settings(), stage=stage)


@task
def score(opened_run_id: str) -> dict[str, Any]:
    from include.jobs.score import score

    return score(opened_run_id, load_settings())


@task
def decide(opened_run_id: str) -> dict[str, Any]:
    from include.jobs.decide import decide

    return decide(opened_run_id, load_settings())


@task(outlets=[PUBLISHED_DATE])
def publish(opened_run_id: str, business_date: str) -> dict[str, Any]:
    from include.jobs.publish import publish

    counts = publish(opened_run_id, load_settings())
    # said here and not left to the run, because a run started by parameter has no partition key of its own
    get_current_context()["outlet_events"][PUBLISHED_DATE].add_partitions(business_date)
    return counts


@task
def deliver(opened_run_id: str) -> dict[str, Any]:
    from include.jobs.deliver import deliver

    return deliver(opened_run_id, load_settings())
