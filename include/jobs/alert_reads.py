"""What people did about the warnings of the day, as far as the run's day of knowledge had it."""

from typing import Any, LiteralString

from include.jobs.revisit_reads import known_until
from include.jobs.run_rows import read_frame
from include.settings import Settings
from include.warehouse.runs import Job
from scoring.alerts import Handled

ACTIONS: LiteralString = """
    select loan_id, action_code, disposition_code, until_date, actor,
        (happened_at at time zone %(timezone)s)::date as action_date
    from ops.alert_action
    where loan_id = any(%(loans)s) and recorded_at < %(cutoff)s
    order by action_id
"""
OVERRIDES: LiteralString = """
    select loan_id, field_code, value, made_by, approved_by
    from ops.warning_override
    where loan_id = any(%(loans)s) and recorded_at < %(cutoff)s and until_date >= %(business_date)s
    order by override_id
"""


def handled(job: Job, settings: Settings, loans: list[str]) -> Handled:
    """Actions and overrides of these loans, in the order in which they were recorded."""
    values: dict[str, Any] = {"loans": loans, "cutoff": known_until(job, settings), "timezone": settings.timezone}
    return Handled.of(
        read_frame(job, ACTIONS, **values).to_dict("records"), read_frame(job, OVERRIDES, **values).to_dict("records")
    )
