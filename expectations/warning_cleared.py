"""What must hold for the loans that left the list."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "lists"
CLEARED_BY = ["SIGNALS_CLEARED", "LOAN_NOT_LIVE"]
REASONS_LEFT_OPEN = """
btrim(reason_text_zh) = '' or btrim(reason_text_en) = '' or reason_text_zh || reason_text_en ~ '[{}]'
or btrim(cleared_signal_codes) = ''
"""
CLEARED_UNLIKE_THE_BASE = """
select cleared.loan_id
from {candidate}.warning_cleared as cleared
left join {published}.warning_list as former
    on
        former.loan_id = cleared.loan_id
        and former.business_date = {base_business_date}
        and former.run_id = {base_run_id}
where
    (former.severity, former.listed_since_date) is distinct from (cleared.last_severity, cleared.listed_since_date)
"""
LISTED_AND_CLEARED = """
select cleared.loan_id
from {candidate}.warning_cleared as cleared
join {candidate}.warning_list as listed on listed.loan_id = cleared.loan_id
"""
CLEARED_BY_THE_WRONG_RULE = """
select cleared.loan_id
from {candidate}.warning_cleared as cleared
left join {candidate}.loan_position as position on position.loan_id = cleared.loan_id and position.is_live
where
    cleared.cleared_by in ('SIGNALS_CLEARED', 'LOAN_NOT_LIVE')
    and (cleared.cleared_by = 'LOAN_NOT_LIVE') <> (position.loan_id is null)
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="warning_cleared",
        expectations=[
            ExpectOneRowPer(
                key=["loan_id"],
                **rule(
                    "one_row_per_cleared_loan",
                    "每笔解除贷款只有一行。",
                    "Each cleared loan has one row.",
                    why="A cleared warning counts once.",
                ),
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="cleared_by",
                value_set=CLEARED_BY,
                **rule(
                    "clearing_rule_is_known",
                    "解除规则在代码表内。",
                    "The rule that cleared the loan is one of the known codes.",
                    why="Nobody may leave the list for a reason that was never approved.",
                ),
            ),
            ExpectNoRowsWhere(
                where=REASONS_LEFT_OPEN,
                **rule(
                    "every_clearing_says_why_in_both_languages",
                    "每条解除有信号和完整的中英文原因。",
                    "Every clearing says which signals ended and why, in Chinese and in English.",
                    why="Whoever worked the warning wants to know what ended it.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(CLEARED_UNLIKE_THE_BASE),
                **rule(
                    "only_listed_loans_are_cleared",
                    "解除的贷款均在基准清单上，严重度和列入日期一致。",
                    "A cleared loan was on the base's list, with this severity and date of listing.",
                    why="What was never warned about cannot be cleared.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(LISTED_AND_CLEARED),
                **rule(
                    "nobody_is_listed_and_cleared",
                    "同一贷款不得同时在两张清单。",
                    "No loan is on both lists.",
                    why="One team would work the loan while the other closes it.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(CLEARED_BY_THE_WRONG_RULE),
                **rule(
                    "cleared_as_not_live_only_when_so",
                    "仅非存量贷款以LOAN_NOT_LIVE解除。",
                    "A loan is cleared as not live exactly when it is not.",
                    why="A live loan whose signals still stand must stay on the list.",
                ),
            ),
        ],
    )
