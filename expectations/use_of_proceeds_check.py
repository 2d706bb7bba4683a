"""What must hold for the checks of where a draw's money went: nothing is called clear that nobody saw."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "marts"
RESULTS = ["SUSPECT", "CLEAR", "NOT_OBSERVED", "NOT_APPLICABLE"]
FOLLOWS_MONEY = "('R1_PROHIBITED_PARTY', 'R2_TWO_HOPS', 'R3_OTHER_LENDER', 'R7_PURPOSE_MISMATCH')"
DRAWS_WITHOUT_A_DETECTOR = """
select draw.loan_id
from (select distinct loan_id, draw_id from {candidate}.use_of_proceeds_check) as draw
cross join (select detector_code from {ref}.fund_use_detector where {valid}) as policy
left join {candidate}.use_of_proceeds_check as judged
    on
        judged.loan_id = draw.loan_id
        and judged.draw_id = draw.draw_id
        and judged.detector_code = policy.detector_code
where judged.loan_id is null
"""
AMOUNTS_BEYOND_THE_DRAW = """
least(draw_amount, threshold_amount, traced_amount, suspect_amount, verified_evidence_amount) < 0
or greatest(traced_amount, suspect_amount, verified_evidence_amount) > draw_amount
"""
LIMIT_NOT_APPLIED = """
select judged.loan_id
from {candidate}.use_of_proceeds_check as judged
join {ref}.self_payment_limit as policy
    on
        policy.purpose_code = judged.purpose_code
        and policy.currency = judged.currency
        and judged.draw_date between policy.valid_from and coalesce(policy.valid_to, date '9999-12-31')
where
    judged.detector_code = 'PAYMENT_MODE'
    and judged.payee_type_code = 'BORROWER'
    and judged.reason_code in ('ABOVE_LIMIT', 'WITHIN_LIMIT')
    and (judged.result_code = 'SUSPECT') <> (judged.draw_amount > policy.limit_amount)
"""
SIGNALS_UNLIKE_THEIR_CHECKS = """
select position.loan_id
from {candidate}.loan_position as position
join {candidate}.touched_loan as touched on touched.loan_id = position.loan_id
left join (
    select judged.loan_id, count(*) as doubt_count
    from {candidate}.use_of_proceeds_check as judged
    where
        judged.is_evidence_wanted
        and judged.detector_code in (
            select detector_code from {ref}.fund_use_detector where raises_signal and {valid}
        )
    group by judged.loan_id
) as doubts on doubts.loan_id = position.loan_id
cross join (
    select raise_threshold from {ref}.signal where signal_code = 'fund_use_suspect' and {valid}
) as policy
left join {candidate}.loan_signal as signal
    on signal.loan_id = position.loan_id and signal.signal_code = 'fund_use_suspect' and signal.meets_raise
where
    position.is_live
    and (signal.loan_id is not null) <> (coalesce(doubts.doubt_count, 0) >= policy.raise_threshold)
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="use_of_proceeds_check",
        expectations=[
            ExpectOneRowPer(
                key=["loan_id", "draw_id", "detector_code"],
                **rule(
                    "one_row_per_draw_and_detector",
                    "每笔支用的每项检测只有一行。",
                    "Each draw has one row a detector.",
                    why="Two results of one detector contradict each other.",
                ),
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="result_code",
                value_set=RESULTS,
                **rule(
                    "result_is_known",
                    "检测结果在代码表内。",
                    "The result is one of the four.",
                    why="A fifth result would be read as passed.",
                ),
            ),
            ExpectNoRowsWhere(
                where=scope.sql(
                    "detector_code not in (select detector_code from {ref}.fund_use_detector where {valid})"
                ),
                **rule(
                    "detector_is_in_policy",
                    "检测规则在当日政策内。",
                    "The detector is one of the policy of the day.",
                    why="A detector without a policy row has a threshold that nobody approved.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(DRAWS_WITHOUT_A_DETECTOR),
                **rule(
                    "every_draw_has_every_detector",
                    "每笔支用均经全部检测规则。",
                    "Every draw has a result of every detector.",
                    why="A detector that says nothing would be read as passed.",
                ),
            ),
            ExpectNoRowsWhere(
                where=AMOUNTS_BEYOND_THE_DRAW,
                **rule(
                    "amounts_are_parts_of_the_draw",
                    "各金额不为负且不超过支用金额。",
                    "Every amount lies between zero and the draw.",
                    why="More than was paid out cannot be traced to it; the coverage would exceed 100 %.",
                ),
            ),
            ExpectNoRowsWhere(
                where=f"result_code = 'CLEAR' and detector_code in {FOLLOWS_MONEY}"
                " and suspect_amount + draw_amount - traced_amount >= threshold_amount",
                **rule(
                    "clear_is_proved",
                    "正常结论须有证明：可疑与未追踪金额合计低于阈值。",
                    "CLEAR is proved: what is suspect and what was not seen are together less than the threshold.",
                    why="Money that left our view would be read as passed.",
                ),
            ),
            ExpectNoRowsWhere(
                where="result_code = 'SUSPECT' and (suspect_amount < threshold_amount or suspect_amount = 0)",
                **rule(
                    "a_suspicion_reaches_its_threshold",
                    "可疑金额达到触发金额。",
                    "What is suspect reaches the threshold.",
                    why="A borrower would be asked for evidence without a ground that policy knows.",
                ),
            ),
            ExpectNoRowsWhere(
                where="result_code = 'SUSPECT' and reason_code in ('MONEY_TRACED', 'MONEY_CAME_BACK')"
                " and (movement_count = 0 or largest_movements is null or last_movement_date is null)",
                **rule(
                    "a_suspicion_names_its_movements",
                    "资金流向可疑须列明流水。",
                    "A suspicion by money names the movements that show it.",
                    why="Nobody could check it, and the borrower could not answer it.",
                ),
            ),
            ExpectNoRowsWhere(
                where="result_code = 'NOT_APPLICABLE' and suspect_amount > 0",
                **rule(
                    "what_does_not_apply_suspects_nothing",
                    "不适用的规则没有可疑金额。",
                    "A detector that does not apply suspects nothing.",
                    why="The sum of suspicions would count it.",
                ),
            ),
            ExpectNoRowsWhere(
                where="is_evidence_wanted and result_code <> 'SUSPECT'",
                **rule(
                    "evidence_is_wanted_of_suspicions_only",
                    "仅对可疑结果要求补充凭证。",
                    "Evidence is wanted of suspicions only.",
                    why="Everybody whose money left our view would be asked for papers.",
                ),
            ),
            ExpectNoRowsWhere(
                where="greatest(draw_date, last_movement_date) > as_of_date",
                **rule(
                    "nothing_has_moved_after_the_day",
                    "支用与流水不晚于业务日期。",
                    "No draw and no movement lies after the day.",
                    why="A backfill would know what nobody knew.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(LIMIT_NOT_APPLIED),
                **rule(
                    "self_payment_follows_the_limit_of_its_day",
                    "自主支付按放款日限额判定，等于限额为合规。",
                    "Self-payment is judged by the limit of the day of the draw; the limit itself is lawful.",
                    why="A lawful draw would be called a breach, or a breach lawful.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(SIGNALS_UNLIKE_THEIR_CHECKS),
                **rule(
                    "every_open_suspicion_has_its_signal",
                    "须补充凭证的存量贷款必有资金用途信号，其余没有。",
                    "A live loan of which evidence is wanted has the signal of fund use; no other loan has it.",
                    why="The suspicion would lie in a table and be on no list.",
                ),
            ),
        ],
    )
