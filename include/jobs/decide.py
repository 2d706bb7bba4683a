"""decide: the day's warning list and who left it, from the signals of the run and the list of its base."""

from typing import LiteralString

import pandas as pd
import psycopg

from include.failpoint import failpoint
from include.jobs.decide_revisits import decide_revisits
from include.settings import Settings
from include.warehouse.data_sets import load_data_sets
from include.warehouse.runs import Run, run_job
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
        run = job.run
        listed, cleared = warnings_of_day(
            run.business_date,
            _frame(job.connection, POSITIONS, run),
            _frame(job.connection, SIGNALS, run),
            _frame(job.connection, BASE_LIST, run),
            {code: ReasonText(zh, en) for code, zh, en in job.connection.execute(REASONS, _parameters(run)).fetchall()},
        )
        _replace(job.connection, run, "warning_list", listed)
        failpoint("decide:mid")
        _replace(job.connection, run, "warning_cleared", cleared)
        job.counts = {"warning_list": len(listed), "warning_cleared": len(cleared)}
        job.counts |= decide_revisits(job, settings, lambda table, frame: _replace(job.connection, run, table, frame))
        return job.counts


def _parameters(run: Run) -> dict[str, object]:
    return {"business_date": run.business_date, "run_id": run.run_id, "base_run_id": run.base_run_id}


def _frame(connection: psycopg.Connection, query: LiteralString, run: Run) -> pd.DataFrame:
    """The rows as Python objects: money stays Decimal, a missing value stays None."""
    cursor = connection.execute(query, _parameters(run))
    columns = [column.name for column in cursor.description or []]
    return pd.DataFrame(cursor.fetchall(), columns=columns, dtype=object)


def _replace(connection: psycopg.Connection, run: Run, table: str, frame: pd.DataFrame) -> None:
    columns = load_data_sets()[table].value_columns
    connection.execute(
        f"delete from published.{table} where business_date = %s and run_id = %s", (run.business_date, run.run_id)
    )
    names = ", ".join(("business_date", "run_id", *columns))
    # row-level security admits no COPY: the rows take a step over a temporary table
    connection.execute(f"create temporary table incoming (like published.{table}) on commit drop")
    with connection.cursor() as cursor, cursor.copy(f"copy incoming ({names}) from stdin") as copy:
        for row in frame[columns].itertuples(index=False, name=None):
            copy.write_row((run.business_date, run.run_id, *row))
    connection.execute(f"insert into published.{table} ({names}) select {names} from incoming")
    connection.execute("drop table incoming")
