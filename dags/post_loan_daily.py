"""### Post-loan daily run
Lands the day's deliveries, refuses bad data, publishes the day's lists. One run per business date, the lender's day.

**If it is red:** nothing was published and yesterday's lists stand. `docs/runbook.md` has a heading for each task;
every task may be cleared and run again. A past date: trigger with its partition key, such as `2026-01-31`.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from airflow.sdk import CronPartitionTimetable, Param, chain, dag

from dags.daily_tasks import audit, decide, deliver, open_run, publish, score, transform
from dags.delivery_wait import LandDelivery
from dags.on_call import ON_CALL, PUBLISH_DEADLINE, send_failure_digest
from dags.run_key import BUSINESS_DATE, date_param
from include.landing.discover import connected_systems
from include.settings import load_settings

settings = load_settings()
# Midnight, when the day is over; `land` then waits for the files. Not later, because Airflow's backfill takes its dates
# as midnights: with a run at 05:30 it would leave out the last date that it was asked for.
MIDNIGHT = CronPartitionTimetable("0 0 * * *", timezone=settings.timezone, run_offset=-1, key_format="%Y-%m-%d")


@dag(
    schedule=MIDNIGHT,
    start_date=datetime.combine(settings.schedule_from, datetime.min.time(), ZoneInfo(settings.timezone)),
    catchup=False,
    max_active_runs=1,
    default_args=ON_CALL,
    on_failure_callback=send_failure_digest,
    deadline=PUBLISH_DEADLINE,
    params={
        "business_date": date_param("Business date, for a run without a partition key"),
        "wait_minutes": Param(0, type="integer", minimum=0, maximum=1440, title="Wait for a late delivery (minutes)"),
    },
    tags=["post_loan", "tier_1"],
    doc_md=__doc__,
)
def post_loan_daily() -> None:
    land = LandDelivery.partial(
        task_id="land", business_date=BUSINESS_DATE, wait_minutes="{{ params.wait_minutes }}"
    ).expand(system=connected_systems(settings.landing))
    opened_run_id = open_run(BUSINESS_DATE)
    chain(
        land,
        opened_run_id,
        transform(opened_run_id),
        audit.override(task_id="audit_marts")(opened_run_id, stage="marts"),
        score(opened_run_id),
        decide(opened_run_id),
        audit.override(task_id="audit_lists")(opened_run_id, stage="lists"),
        publish(opened_run_id, BUSINESS_DATE),
        deliver(opened_run_id),
    )


post_loan_daily()
