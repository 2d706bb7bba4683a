"""How good the signals are, measured once a month from the lists along the run's own base chain, carried in between."""

from calendar import monthrange
from datetime import date, timedelta
from typing import LiteralString

import pandas as pd

from include.errors import PostloanError
from include.jobs.run_rows import read_frame
from include.policy import policy_records
from include.warehouse.runs import Job, load_run
from scoring.policy_rows import valid_on
from scoring.signal_quality import QUALITY_COLUMNS, Window, signal_quality

BASE_QUALITY: LiteralString = "select * from published.signal_quality where run_id = %(base_run_id)s"
CHAIN: LiteralString = """
    with recursive chain as (
        select run_id, business_date, base_run_id from ops.run where run_id = %(run_id)s
        union all
        select base.run_id, base.business_date, base.base_run_id
        from chain join ops.run as base on base.run_id = chain.base_run_id
        where base.business_date >= %(since)s
    )
"""
# what the first run of a chain lists may have begun at any time: its openings are none
FIRST_OBSERVED: LiteralString = CHAIN + "select min(business_date) as day from chain where base_run_id is not null"
OPENINGS: LiteralString = (
    CHAIN
    + """
    select episode.loan_id, episode.signal_code, episode.opened_date, episode.opened_days_past_due = 0 as is_early
    from chain
    join published.warning_episode as episode
        on episode.business_date = chain.business_date and episode.run_id = chain.run_id
    where chain.base_run_id is not null and episode.opened_date = chain.business_date
    union all
    select listed.loan_id, 'WHOLE_LIST', chain.business_date, listed.oldest_unpaid_due_date is null
    from chain
    join published.warning_list as listed
        on listed.business_date = chain.business_date and listed.run_id = chain.run_id
    where chain.base_run_id is not null and listed.change = 'NEW'
"""
)
# a loan is written on the day on which its bucket changes, so that each crossing of a bucket's edge is seen
LATE_DAYS: LiteralString = (
    CHAIN
    + """
    select distinct position.loan_id, position.oldest_unpaid_due_date + %(exceeds_days)s + 1 as late_date
    from chain
    join published.loan_position as position
        on position.business_date = chain.business_date and position.run_id = chain.run_id
    where position.business_date - position.oldest_unpaid_due_date > %(exceeds_days)s
    union
    select position.loan_id, min(position.business_date)
    from chain
    join published.loan_position as position
        on position.business_date = chain.business_date and position.run_id = chain.run_id
    where position.loan_status in ('CHARGED_OFF', 'SOLD')
    group by position.loan_id
"""
)


def decide_quality(job: Job) -> pd.DataFrame:
    """The rows of ``signal_quality``: measured when a month-end has come since the base, else the base's."""
    day = job.run.business_date
    base = load_run(job.connection, job.run.base_run_id) if job.run.base_run_id else None
    if base is not None and not month_ended(base.business_date, day):
        return read_frame(job, BASE_QUALITY)[list(QUALITY_COLUMNS)]
    rows = valid_on(policy_records("signal_quality"), day)
    if len(rows) != 1:
        raise PostloanError(
            f"the policy signal_quality has {len(rows)} rows on {day}, it needs one",
            next_command="cat dbt_project/seeds/policy/signal_quality.csv",
        )
    policy = {name: int(value) for name, value in rows[0].items() if name.endswith("_days")}
    exceeds = policy.pop("exceeds_days")
    since = day - timedelta(days=policy["horizon_days"] + policy["settlement_days"] + policy["matured_days"])
    observed_from = read_frame(job, FIRST_OBSERVED, since=since)["day"][0] or day
    return signal_quality(
        read_frame(job, OPENINGS, since=since),
        read_frame(job, LATE_DAYS, since=since, exceeds_days=exceeds),
        [row["signal_code"] for row in valid_on(policy_records("signal"), day)],
        Window(day, observed_from, **policy),
    )


def month_ended(base: date, day: date) -> bool:
    """Whether the last day of a month lies in (base, day]."""
    last = day if day.day == monthrange(day.year, day.month)[1] else day.replace(day=1) - timedelta(days=1)
    return base < last
