"""The first half of decide: the episodes of the day, the warning list, and who left it."""

from dataclasses import dataclass
from typing import Any, LiteralString

import pandas as pd

from include.jobs.run_rows import read_frame
from include.policy import policy_records
from include.warehouse.runs import Job
from scoring.episodes import EPISODE_COLUMNS, episodes_of_day, signal_lives
from scoring.severity import combinations
from scoring.warnings import ReasonText, WarningPolicy, warnings_of_day

Row = dict[str, Any]
# Every loan on the base's list or with an episode that waits is touched: the run's own rows are all that matters.
SIGNALS: LiteralString = """
    select loan_id, signal_code, meets_raise, meets_clear, severity, observed_value, observed_date
    from published.loan_signal where business_date = %(business_date)s and run_id = %(run_id)s
"""
POSITIONS: LiteralString = """
    select position.loan_id, position.borrower_id, position.is_live, position.loan_status, position.product_code,
        position.branch_code, position.currency, position.delinquency_bucket, position.oldest_unpaid_due_date,
        position.past_due_amount, position.principal_outstanding_amount, position.next_due_date,
        coalesce(score.score_status, 'NO_MODEL_YET') as score_status,
        case when score.score_status = 'SCORED' then score.predicted_rate end as predicted_rate
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
        union
        select loan_id from published.warning_episode where run_id = %(base_run_id)s
      )
"""
BASE_LIST: LiteralString = """
    select loan_id, borrower_id, severity, listed_since_date, signal_codes, treatment_code, respond_by_date,
        attention_since_date
    from published.warning_list where run_id = %(base_run_id)s
"""
BASE_EPISODES: LiteralString = "select * from published.warning_episode where run_id = %(base_run_id)s"
STALE: LiteralString = "select system from ops.run_source where run_id = %(run_id)s and is_stale"
REASONS: LiteralString = """
    select reason_code, text_zh, text_en from ref.reason_text
    where valid_from <= %(business_date)s and coalesce(valid_to, 'infinity') >= %(business_date)s
"""


@dataclass(frozen=True)
class Warned:
    """What the signals of the day say. listed and cleared: rows of scoring/warnings.py, still without lane and work.

    positions: of the loans in question, by loan_id; base_list: the base's rows, by loan_id.
    """

    listed: list[Row]
    cleared: list[Row]
    episodes: list[Row]
    positions: dict[str, Row]
    base_list: dict[str, Row]

    @property
    def episode_frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.episodes, columns=list(EPISODE_COLUMNS), dtype=object)


def decide_warnings(job: Job) -> Warned:
    """Episodes, list and clearings of the run's business date; nothing is written."""
    day = job.run.business_date
    positions = {row["loan_id"]: row for row in _rows(job, POSITIONS)}
    base_list = {row["loan_id"]: row for row in _rows(job, BASE_LIST)}
    lives = signal_lives(day, policy_records("signal"))
    episodes = episodes_of_day(
        day,
        positions,
        _rows(job, SIGNALS),
        _rows(job, BASE_EPISODES),
        lives,
        frozenset(row["system"] for row in _rows(job, STALE)),
    )
    policy = WarningPolicy(
        {row["reason_code"]: ReasonText(row["text_zh"], row["text_en"]) for row in _rows(job, REASONS)},
        lives,
        combinations(day, policy_records("severity_combination")),
    )
    listed, cleared = warnings_of_day(day, positions, episodes, base_list.values(), policy)
    return Warned(listed, cleared, episodes, positions, base_list)


def _rows(job: Job, query: LiteralString) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in read_frame(job, query).to_dict("records")]
