"""decide: the day's warning list and who left it, from the signals of the run and the list of its base."""

from typing import LiteralString

from include.failpoint import failpoint
from include.jobs.decide_revisits import decide_revisits
from include.jobs.run_rows import read_frame, replace_rows
from include.settings import Settings
from include.warehouse.runs import run_job
from scoring.warnings import ReasonText, warnings_of_day

# Every loan on the base's list is touched, so the rows of this run are all that the list can rest on.
SIGNALS: LiteralString = """
    select loan_id, signal_code, meets_raise, meets_clear, severity, observed_value, observed_date
    from published.loan_signal where business_date = %(business_date)s and run_id = %(run_id)s
"""
POSITIONS: LiteralString = """
    select position.loan_id, position.borrower_id, position.is_live, position.loan_status, position.product_code,
        position.branch_code, position.currency, position.delinquency_bucket, position.oldest_unpaid_due_date,
        position.past_due_amount, position.principal_outstanding_amount, position.next_due_date,
        coalesce(score.score_status, 'NO_MODEL_YET') as score_status
    from published.loan_position as position
    left join published.loan_score as score
        on score.business_date = position.business_date and score.run_id = position.run_id
        and score.loan_id = position.loan_id
    where position.business_date = %(business_date)s and position.run_id = %(run_id)s
      and position.loan_id in (
        select loan_id from published.loan_signal
        where business_date = %(business_date)s and run_id = %(run_id)s
        union
        select loan_id from published.warning_list where run_id = %(base_run_id)s
      )
"""
BASE_LIST: LiteralString = """
    select loan_id, borrower_id, severity, listed_since_date, signal_codes
    from published.warning_list where run_id = %(base_run_id)s
"""
REASONS: LiteralString = """
    select reason_code, text_zh, text_en from ref.reason_text
    where valid_from <= %(business_date)s and coalesce(valid_to, 'infinity') >= %(business_date)s
"""


def decide(run_id: str, settings: Settings) -> dict[str, int]:
    """Write the warnings of the run, then tiers, revisits and assignments. Returns rows by table."""
    with run_job(settings, run_id, "decide") as job:
        if job.is_done_before:
            return {}
        listed, cleared = warnings_of_day(
            job.run.business_date,
            read_frame(job, POSITIONS),
            read_frame(job, SIGNALS),
            read_frame(job, BASE_LIST),
            {row.reason_code: ReasonText(row.text_zh, row.text_en) for row in read_frame(job, REASONS).itertuples()},
        )
        replace_rows(job, "warning_list", listed)
        failpoint("decide:mid")
        replace_rows(job, "warning_cleared", cleared)
        job.counts = {"warning_list": len(listed), "warning_cleared": len(cleared)}
        job.counts |= decide_revisits(job, settings)
        return job.counts
