"""What must hold for the memory of signals: the list rests on it."""

from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "lists"
UNLIKE_ITS_STATE = """
state_code not in ('PENDING', 'OPEN', 'HELD', 'UNKNOWN', 'CLOSED')
or (state_code = 'PENDING') <> (opened_date is null)
or (state_code = 'CLOSED') <> (closed_date is not null)
or (closed_date is null) <> (closed_by is null)
or (closed_date is null) <> (kept_until_date is null)
or (closed_by is not null and closed_by not in ('SIGNALS_CLEARED', 'LOAN_NOT_LIVE'))
"""
DATES_OUT_OF_ORDER = """
raised_since_date > as_of_date or opened_date > last_opened_date or last_opened_date > as_of_date
or closed_date < last_opened_date or closed_date > as_of_date
or kept_until_date < closed_date or kept_until_date < as_of_date
"""
RAISED_WITHOUT_AN_EPISODE = """
select signal.loan_id
from {candidate}.loan_signal as signal
left join {candidate}.warning_episode as episode
    on episode.loan_id = signal.loan_id and episode.signal_code = signal.signal_code
where signal.meets_raise and (episode.loan_id is null or episode.state_code = 'CLOSED')
"""
CLEARED_WHILE_SILENT = """
select episode.loan_id
from {candidate}.warning_episode as episode
join {ref}.signal as signal on signal.signal_code = episode.signal_code and {valid}
join {ops}.run_source as source
    on
        source.run_id = {run_id}
        and source.is_stale
        and source.system = any (string_to_array(signal.system_codes, ';'))
where episode.closed_date = {business_date} and episode.closed_by = 'SIGNALS_CLEARED'
"""
UNLIKE_THE_BASE = """
select episode.loan_id
from {candidate}.warning_episode as episode
join {published}.warning_episode as former
    on
        former.loan_id = episode.loan_id
        and former.signal_code = episode.signal_code
        and former.business_date = {base_business_date}
        and former.run_id = {base_run_id}
where
    coalesce(former.kept_until_date, {business_date}) >= {business_date}
    and (
        episode.opened_date <> former.opened_date
        or episode.reopened_count < former.reopened_count
        or episode.opened_severity <> former.opened_severity
    )
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="warning_episode",
        expectations=[
            ExpectOneRowPer(
                key=["loan_id", "signal_code"],
                **rule(
                    "one_episode_per_loan_and_signal",
                    "每笔贷款每个信号只有一个周期。",
                    "Each loan has one episode of a signal.",
                    why="An alert is counted once.",
                ),
            ),
            ExpectNoRowsWhere(
                where=UNLIKE_ITS_STATE,
                **rule(
                    "every_episode_is_as_its_state_says",
                    "周期状态与其日期和解除规则相符。",
                    "What waits was never listed; what has closed says when, by which rule and how long it is kept.",
                    why="Who left the list, when and why is asked months later.",
                ),
            ),
            ExpectNoRowsWhere(
                where=DATES_OUT_OF_ORDER,
                **rule(
                    "the_dates_of_an_episode_follow_each_other",
                    "周期各日期先后有序。",
                    "An episode is raised, listed and closed in this order, and dropped when it can no longer reopen.",
                    why="Lead times are counted from these dates.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(RAISED_WITHOUT_AN_EPISODE),
                **rule(
                    "every_raised_signal_has_an_episode",
                    "每个触发的信号都有周期。",
                    "Every raised signal has an episode that has not closed.",
                    why="A loan that is getting worse would be missed: the one failure that nobody notices.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(CLEARED_WHILE_SILENT),
                **rule(
                    "nothing_clears_while_its_source_is_silent",
                    "数据源未更新时，信号不得解除。",
                    "No episode is closed as cleared while a source of its signal is stale.",
                    why="A missing file would empty the list.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(UNLIKE_THE_BASE),
                **rule(
                    "an_episode_goes_on_as_it_began",
                    "同一周期的起始日期和起始严重度不变。",
                    "An episode keeps the day and the severity with which it was first listed.",
                    why="Quality is measured on how an alert began.",
                ),
            ),
        ],
    )
