"""What must hold for the figures by which signals are judged."""

from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "lists"
MORE_THAN_THE_WHOLE = """
early_alert_count > alert_count or confirmed_count > matured_count or warned_late_count > late_count
or lead_p25_days > lead_median_days or matured_from_date > matured_to_date
"""
CLAIMED_TOO_EARLY = """
status_code not in ('MATURE', 'NOT_MATURE')
or (status_code = 'NOT_MATURE') is distinct from (matured_count = 0)
or (status_code = 'NOT_MATURE') is distinct from (confirmed_count is null)
or (coalesce(confirmed_count, 0) = 0) is distinct from (lead_median_days is null)
or (lead_p25_days is null) <> (lead_median_days is null)
"""
NO_WHOLE_LIST = """
select 1 from {candidate}.signal_quality
having count(*) > 0 and count(*) filter (where signal_code = 'WHOLE_LIST') = 0
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="signal_quality",
        expectations=[
            ExpectOneRowPer(
                key=["signal_code"],
                **rule(
                    "one_row_per_signal",
                    "每个信号只有一行。",
                    "Each signal has one row.",
                    why="A signal is judged once.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(NO_WHOLE_LIST),
                **rule(
                    "the_list_as_a_whole_is_judged",
                    "整张名单有一行。",
                    "The list as a whole has a row.",
                    why="Good signals can add up to a list that nobody can work.",
                ),
            ),
            ExpectNoRowsWhere(
                where=MORE_THAN_THE_WHOLE,
                **rule(
                    "no_part_is_more_than_the_whole",
                    "分子不大于分母。",
                    "No numerator exceeds its denominator.",
                    why="A precision above one is no precision.",
                ),
            ),
            ExpectNoRowsWhere(
                where=CLAIMED_TOO_EARLY,
                **rule(
                    "nothing_is_claimed_before_its_time",
                    "观察期未满时不给出应验数和提前天数。",
                    "Before the outcome can be known neither confirmations nor lead times are stated.",
                    why="A young signal would look useless, or good by luck.",
                ),
            ),
            ExpectNoRowsWhere(
                where="measured_date > as_of_date",
                **rule(
                    "no_figure_knows_the_future",
                    "测算日不晚于当日。",
                    "Nothing was measured after the day.",
                    why="A date shows what was known then.",
                ),
            ),
        ],
    )
