"""What must hold for the signals that a run wrote: whoever is late or listed is touched every day."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "marts"
SEVERITIES = ["YELLOW", "ORANGE", "RED", "RED_CRITICAL"]
SIGNALS_WITHOUT_A_LIVE_LOAN = """
select signal.loan_id
from {candidate}.loan_signal as signal
left join {candidate}.loan_position as position on position.loan_id = signal.loan_id and position.is_live
where position.loan_id is null
"""
LATE_LOANS_UNLIKE_THEIR_SIGNAL = """
select position.loan_id
from {candidate}.loan_position as position
cross join (
    select raise_threshold from {ref}.signal where signal_code = 'missed_instalment' and {valid}
) as policy
left join {candidate}.loan_signal as signal
    on signal.loan_id = position.loan_id and signal.signal_code = 'missed_instalment' and signal.meets_raise
where position.is_live and (signal.loan_id is not null) <> (position.days_past_due >= policy.raise_threshold)
"""
# a severity that is not known at all is the other rule's finding
SEVERITY_UNLIKE_POLICY = """
select signal.loan_id
from {candidate}.loan_signal as signal
join {candidate}.loan_position as position on position.loan_id = signal.loan_id
left join lateral (
    select policy.severity
    from {ref}.signal_severity as policy
    where
        policy.signal_code = signal.signal_code
        and policy.from_days_past_due <= position.days_past_due
        and {valid}
    order by policy.from_days_past_due desc
    limit 1
) as policy on true
where
    signal.severity in ('YELLOW', 'ORANGE', 'RED', 'RED_CRITICAL')
    and signal.signal_code in (select known.signal_code from {ref}.signal as known where {valid})
    and signal.severity is distinct from policy.severity
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="loan_signal",
        expectations=[
            ExpectOneRowPer(
                key=["loan_id", "signal_code"],
                **rule(
                    "one_row_per_loan_and_signal",
                    "每笔贷款的每个信号只有一行。",
                    "Each loan has one row a signal.",
                    why="The reason would stand on the list twice.",
                ),
            ),
            ExpectNoRowsWhere(
                where=scope.sql("signal_code not in (select signal_code from {ref}.signal where {valid})"),
                **rule(
                    "signal_is_in_policy",
                    "信号在当日政策内。",
                    "The signal is one of the policy of the day.",
                    why="A signal without a policy row has no threshold that anybody approved.",
                ),
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="severity",
                value_set=SEVERITIES,
                **rule(
                    "severity_is_known",
                    "严重度在代码表内。",
                    "The severity is one of the four levels.",
                    why="Treatment follows from severity; an unknown one is treated by nobody.",
                ),
            ),
            ExpectNoRowsWhere(
                where="meets_clear and not meets_raise",
                **rule(
                    "a_clear_signal_has_no_row",
                    "已解除的信号没有行。",
                    "A signal that is clear has no row.",
                    why="A cleared signal would keep a loan on the list.",
                ),
            ),
            ExpectNoRowsWhere(
                where="observed_value is null and observed_date is null",
                **rule(
                    "a_signal_shows_what_was_seen",
                    "信号有观测值或观测日期。",
                    "A signal shows the value or the date that it rests on.",
                    why="Every warning must be able to say why.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(SIGNALS_WITHOUT_A_LIVE_LOAN),
                **rule(
                    "signals_speak_of_live_loans",
                    "信号仅针对存量贷款。",
                    "Signals speak of live loans only.",
                    why="A loan that was paid off or sold would be warned about.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(LATE_LOANS_UNLIKE_THEIR_SIGNAL),
                **rule(
                    "every_late_loan_has_its_signal",
                    "逾期达到政策天数的存量贷款必有漏缴信号，未达到的没有。",
                    "A live loan as late as policy says has the signal of a missed instalment; no other loan has it.",
                    why="A late loan without a signal of today is on no list.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(SEVERITY_UNLIKE_POLICY),
                **rule(
                    "severity_is_the_one_of_policy",
                    "严重度等于政策按逾期天数给出的严重度。",
                    "The severity is the one that policy gives to the signal at these days past due.",
                    why="A signal that has grown worse by time alone would be shown as mild.",
                ),
            ),
        ],
    )
