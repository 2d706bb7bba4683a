"""What must hold for the touched set: whom the run recomputed decides what every reader sees."""

from great_expectations.core import ExpectationSuite

from expectations.rules import WARNING, ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "marts"
TOUCHED_AND_VANISHED = """
select touched.loan_id
from {candidate}.touched_loan as touched
where
    not exists (
        select 1 from {published}.loan_position as stored where {run} and stored.loan_id = touched.loan_id
    )
    and exists (
        select 1 from {staging}.stg_core_banking__loan_contracts as contract where contract.loan_id = touched.loan_id
    )
"""
WRITTEN_AND_NOT_TOUCHED = """
select written.loan_id
from (
    select loan_id from {published}.loan_position where {run}
    union
    select loan_id from {published}.loan_signal where {run}
) as written
where not exists (select 1 from {candidate}.touched_loan as touched where touched.loan_id = written.loan_id)
"""
BORROWERS_NOT_TOUCHED = """
select touched.borrower_id
from {candidate}.touched_loan as touched
where
    touched.borrower_id is not null
    and not exists (
        select 1 from {candidate}.touched_borrower as borrower where borrower.borrower_id = touched.borrower_id
    )
"""
LOANS_OF_TOUCHED_BORROWERS_LEFT_OUT = """
select position.loan_id
from {candidate}.loan_position as position
join {candidate}.touched_borrower as borrower on borrower.borrower_id = position.borrower_id
where not exists (select 1 from {candidate}.touched_loan as touched where touched.loan_id = position.loan_id)
"""
# Where the run is no keyframe this costs nothing. That the rows of carried loans equal the base's is compared right
# after they are written (include/warehouse/keyframe.py).
LOANS_OF_THE_BASE_LEFT_OUT = """
select former.loan_id
from (
    select distinct on (touched.loan_id) touched.loan_id, touched.business_date, touched.run_id
    from {ops}.run_chain as chain
    join {published}.touched_loan as touched
        on touched.business_date = chain.ancestor_business_date and touched.run_id = chain.ancestor_run_id
    where
        {is_keyframe}
        and chain.run_id = {base_run_id}
        -- only the months that the chain reaches back to
        and touched.business_date between (
            select min(reach.ancestor_business_date) from {ops}.run_chain as reach where reach.run_id = {base_run_id}
        ) and {base_business_date}
    order by touched.loan_id, chain.depth
) as last_touch
join {published}.loan_position as former
    on
        former.business_date = last_touch.business_date
        and former.run_id = last_touch.run_id
        and former.loan_id = last_touch.loan_id
where not exists (select 1 from {candidate}.touched_loan as touched where touched.loan_id = former.loan_id)
"""


# of the loans that this run computed; a carried loan was asked when it was
SCHEDULE_UNLIKE_THE_PRINCIPAL = """
select position.loan_id
from {intermediate}.int_instalments as instalment
join {candidate}.loan_position as position on position.loan_id = instalment.loan_id
where instalment.is_first
group by position.loan_id, position.principal_amount
having sum(instalment.principal_due_amount) <> position.principal_amount
"""
# of loans with one schedule, where every payment counts towards it
PAID_AND_NOT_ALLOCATED = """
select position.loan_id
from {intermediate}.int_instalments as instalment
join {candidate}.loan_position as position on position.loan_id = instalment.loan_id
group by position.loan_id, position.paid_to_date_amount, position.unapplied_amount
having
    count(distinct instalment.schedule_version) = 1
    and sum(
        instalment.due_amount - least(
            instalment.due_amount, greatest(instalment.cumulative_due_amount - position.paid_to_date_amount, 0)
        )
    ) + position.unapplied_amount <> greatest(position.paid_to_date_amount, 0)
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="touched_loan",
        expectations=[
            ExpectOneRowPer(
                key=["loan_id"],
                **rule(
                    "one_row_per_touched_loan",
                    "每笔重算贷款只有一行。",
                    "Each touched loan has one row.",
                    why="The fold takes the rows of exactly one run a loan.",
                ),
            ),
            ExpectNoRowsWhere(
                where="btrim(reason_codes) = ''",
                **rule(
                    "a_touch_has_a_reason",
                    "重算必有原因。",
                    "A touched loan says why it was touched.",
                    why="Every row must be able to say why it changed.",
                ),
            ),
            ExpectNoRowsWhere(
                where=scope.sql("is_carried and not {is_keyframe}"),
                **rule(
                    "only_a_keyframe_carries_loans",
                    "仅关键帧写入未被触及的贷款。",
                    "Only a keyframe writes loans that nothing touched.",
                    why="A normal day's work follows the day's events, not the portfolio.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(TOUCHED_AND_VANISHED),
                **rule(
                    "a_touched_loan_has_a_position_or_is_gone",
                    "重算贷款必有状况行，除非来源已无此贷款。",
                    "A touched loan has a position, unless no source knows it any more.",
                    why="A touched loan without rows vanishes from every view.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(WRITTEN_AND_NOT_TOUCHED),
                **rule(
                    "only_touched_loans_have_rows",
                    "仅重算贷款有新行。",
                    "Only touched loans have rows of this run.",
                    why="Readers take a loan's rows from the run that touched it: these rows would never be seen.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(BORROWERS_NOT_TOUCHED),
                **rule(
                    "the_borrower_of_a_touched_loan_is_touched",
                    "重算贷款的借款人也被重算。",
                    "The borrower of a touched loan is touched.",
                    why="The borrower's sums would miss what changed on the loan.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(LOANS_OF_TOUCHED_BORROWERS_LEFT_OUT),
                **rule(
                    "a_touch_spreads_to_all_loans_of_the_borrower",
                    "借款人被重算时，其全部贷款都被重算。",
                    "When a borrower is touched, all loans of the borrower are.",
                    why="The borrower's row is summed over the rows of this run.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(LOANS_OF_THE_BASE_LEFT_OUT),
                **rule(
                    "a_keyframe_writes_every_loan_of_the_base",
                    "关键帧写入基准的全部贷款。",
                    "A keyframe writes every loan that the base shows.",
                    why="A view never looks behind a keyframe: a loan left out is lost.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(PAID_AND_NOT_ALLOCATED),
                **rule(
                    "every_payment_is_allocated_or_unapplied",
                    "每笔还款均已分配或列为溢缴。",
                    "What was paid covers instalments, or is unapplied, to the cent.",
                    why="Money that is in neither place was paid and is still asked for.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(SCHEDULE_UNLIKE_THE_PRINCIPAL),
                **rule(
                    "the_first_schedule_repays_the_principal",
                    "首个还款计划的本金合计等于贷款本金。",
                    "The principal of the first schedule is the principal paid out, to the cent.",
                    why="A schedule that repays more or less than was lent was cut off, or belongs to another loan.",
                    severity=WARNING,
                ),
            ),
        ],
    )
