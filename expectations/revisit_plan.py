"""What must hold for the revisit plan: the proof that no loan falls through."""

from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "lists"
LEFT_OPEN = "(due_date is null) = (exemption_code is null) or (due_date is null) <> (next_attempt_date is null)"
SAYS_NOTHING = "btrim(reason_text_zh) = '' or btrim(reason_text_en) = '' or reason_text_zh || reason_text_en ~ '[{}]'"
NOT_AHEAD = "changes_on <= as_of_date or cycle_start_date > as_of_date or cadence_days < 1"
# of the loans that the run computed; the others have what the run before proved of them
UNCOVERED = """
select position.loan_id
from {candidate}.loan_position as position
left join {candidate}.revisit_plan as plan on plan.loan_id = position.loan_id
left join {candidate}.coverage_gap as gap on gap.loan_id = position.loan_id
where
    position.run_id = {run_id}
    and position.is_live
    and position.borrower_id is not null
    and plan.loan_id is null
    and gap.loan_id is null
"""
PLANNED_IN_VAIN = """
select plan.loan_id
from {candidate}.revisit_plan as plan
left join {candidate}.loan_position as position on position.loan_id = plan.loan_id and position.is_live
where position.loan_id is null
"""
PUSHED_BACK = """
select plan.loan_id
from {candidate}.revisit_plan as plan
join {published}.revisit_plan as former
    on
        former.loan_id = plan.loan_id
        and former.business_date = {base_business_date}
        and former.run_id = {base_run_id}
where
    plan.cycle_start_date = former.cycle_start_date
    and plan.term_band = 'STANDARD'
    and plan.due_date > former.due_date
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="revisit_plan",
        expectations=[
            ExpectOneRowPer(
                key=["loan_id"],
                **rule(
                    "one_plan_per_loan",
                    "每笔贷款只有一个回访计划。",
                    "Each loan has one plan.",
                    why="Two plans send two people to one door.",
                ),
            ),
            ExpectNoRowsWhere(
                where=LEFT_OPEN,
                **rule(
                    "every_plan_has_a_date_or_an_exemption",
                    "每个计划有应回访日或免访原因，二者只有其一。",
                    "Every plan has a due date or an exemption, and never both.",
                    why="A plan with neither is a loan that nobody looks at again.",
                ),
            ),
            ExpectNoRowsWhere(
                where=SAYS_NOTHING,
                **rule(
                    "every_plan_says_why_in_both_languages",
                    "每个计划有完整的中英文原因。",
                    "Every plan says why, in Chinese and in English.",
                    why="Whoever calls has to know what for.",
                ),
            ),
            ExpectNoRowsWhere(
                where=NOT_AHEAD,
                **rule(
                    "dates_of_a_plan_lie_where_they_belong",
                    "变动日在未来，周期起始日不在未来，间隔至少一天。",
                    "The next change lies ahead, the cycle has begun, and a cadence has at least a day.",
                    why="Otherwise the row is computed never again, or every day.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(UNCOVERED),
                **rule(
                    "every_live_loan_is_planned",
                    "每笔存量贷款都有回访计划或已说明的缺口。",
                    "Every live loan has a plan, or is an explained coverage gap.",
                    why="The coverage proof: no loan falls through.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(PLANNED_IN_VAIN),
                **rule(
                    "only_live_loans_are_planned",
                    "仅存量贷款有回访计划。",
                    "Only live loans have a plan.",
                    why="A visit about a loan that was paid off costs a day and a customer.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(PUSHED_BACK),
                **rule(
                    "no_published_date_is_pushed_back",
                    "已发布的应回访日不得推后。",
                    "No published due date is pushed back before the revisit is fulfilled.",
                    why="Dates that slide every day are never met.",
                ),
            ),
        ],
    )
