"""### Close of a month
Seals a month once each of its days is published; from then on its dates change only by `restate` with an approver.

**If it is red:** the month stays open and the daily lists go on. `docs/runbook.md` has a heading for the task, which
may be cleared and run again. Days published without Airflow are unknown here: trigger with the key `2026-01`.
"""

from typing import Any

from airflow.sdk import (
    MonthWindow,
    Param,
    PartitionedAssetTimetable,
    RollupMapper,
    StartOfMonthMapper,
    dag,
    get_current_context,
    task,
)

from dags.assets import CLOSED_MONTH, PUBLISHED_DATE
from dags.on_call import ON_CALL, send_failure_digest
from dags.run_key import MONTH, MONTH_PATTERN, as_month

EVERY_DAY = RollupMapper(upstream_mapper=StartOfMonthMapper(input_format="%Y-%m-%d"), window=MonthWindow())


@task(outlets=[CLOSED_MONTH])
def month_close(month: str) -> dict[str, Any]:
    from include.jobs.month_close import month_close
    from include.settings import load_settings

    counts = month_close(as_month(month), load_settings())
    # said here and not left to the run, because a run started by parameter has no partition key of its own
    get_current_context()["outlet_events"][CLOSED_MONTH].add_partitions(month)
    return counts


@dag(
    dag_id="month_close",
    schedule=PartitionedAssetTimetable(assets=PUBLISHED_DATE, default_partition_mapper=EVERY_DAY),
    max_active_runs=1,
    default_args=ON_CALL,
    on_failure_callback=send_failure_digest,
    params={"month": Param(None, type=["null", "string"], pattern=MONTH_PATTERN, maxLength=7, title="Month")},
    tags=["post_loan", "tier_2"],
    doc_md=__doc__,
)
def month_close_dag() -> None:
    month_close(MONTH)


month_close_dag()
