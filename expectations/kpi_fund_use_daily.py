"""What must hold for the coverage of the use of proceeds."""

from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "marts"
# each detector looks at every draw, so that all of them count the same draws and amounts
DETECTORS_THAT_COUNT_OTHER_DRAWS = """
with totals as (
    select detector_code, currency, sum(draw_count) as draw_count, sum(draw_amount) as draw_amount
    from {candidate}.kpi_fund_use_daily
    where detector_code <> 'ALL'
    group by detector_code, currency
)
select currency
from totals
group by currency
having
    count(*) <> (select count(*) from {ref}.fund_use_detector where {valid})
    or min(draw_count) <> max(draw_count)
    or min(draw_amount) <> max(draw_amount)
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="kpi_fund_use_daily",
        expectations=[
            ExpectOneRowPer(
                key=["product_code", "branch_code", "currency", "purpose_code", "detector_code", "result_code"],
                **rule(
                    "one_row_per_cell",
                    "每个维度组合只有一行。",
                    "Each cell has one row.",
                    why="Sums over the cells would count draws twice.",
                ),
            ),
            ExpectNoRowsWhere(
                where="draw_count <= 0 or draw_amount <= 0 or least(traced_amount, suspect_amount) < 0"
                " or greatest(traced_amount, suspect_amount) > draw_amount",
                **rule(
                    "cells_are_parts_of_what_was_paid_out",
                    "笔数、金额为正，已追踪与可疑金额不超过支付金额。",
                    "Counts and amounts are positive; what was traced is a part of what was paid out.",
                    why="Cells that are carried forward would have drifted.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(DETECTORS_THAT_COUNT_OTHER_DRAWS),
                **rule(
                    "every_detector_counts_the_same_draws",
                    "各检测规则覆盖相同的支用。",
                    "Every detector counts the same draws.",
                    why="Coverage would be divided by different totals.",
                ),
            ),
        ],
    )
