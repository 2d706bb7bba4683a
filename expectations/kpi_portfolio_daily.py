"""What must hold for the KPI cells: together they are the live portfolio, to the cent."""

from great_expectations.core import ExpectationSuite

from expectations.rules import WARNING, ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "marts"
# computed here from days past due, in the models from the bucket: two ways to the same figures
CELLS_UNLIKE_THE_PORTFOLIO = """
with portfolio as (
    select
        product_code, channel_code, branch_code, currency, delinquency_bucket,
        count(*) as loan_count,
        sum(principal_outstanding_amount) as principal_outstanding_amount,
        sum(past_due_amount) as past_due_amount,
        coalesce(sum(principal_outstanding_amount) filter (where days_past_due > 30), 0) as par30_principal_amount,
        coalesce(sum(principal_outstanding_amount) filter (where days_past_due > 90), 0) as npl_90p_principal_amount
    from {candidate}.loan_position
    where is_live
    group by product_code, channel_code, branch_code, currency, delinquency_bucket
),
cells as (
    select distinct
        product_code, channel_code, branch_code, currency, delinquency_bucket, loan_count,
        principal_outstanding_amount, past_due_amount, par30_principal_amount, npl_90p_principal_amount
    from {candidate}.kpi_portfolio_daily
)
select 1
from portfolio
full join cells using (product_code, channel_code, branch_code, currency, delinquency_bucket)
where
    (
        portfolio.loan_count, portfolio.principal_outstanding_amount, portfolio.past_due_amount,
        portfolio.par30_principal_amount, portfolio.npl_90p_principal_amount
    ) is distinct from (
        cells.loan_count, cells.principal_outstanding_amount, cells.past_due_amount,
        cells.par30_principal_amount, cells.npl_90p_principal_amount
    )
"""
TARGET_UNLIKE_POLICY = """
npl_90p_target_rate is distinct from
    (select target_rate from {ref}.kpi_target where kpi_code = 'npl_90p' and {valid})
"""
NPL_ABOVE_TARGET = """
select currency
from {candidate}.kpi_portfolio_daily
group by currency
having sum(npl_90p_principal_amount) > max(npl_90p_target_rate) * sum(principal_outstanding_amount)
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="kpi_portfolio_daily",
        expectations=[
            ExpectOneRowPer(
                key=["product_code", "channel_code", "branch_code", "currency", "delinquency_bucket"],
                **rule(
                    "one_row_per_cell",
                    "每个单元格只有一行。",
                    "Each cell has one row.",
                    why="A cell that stands twice is counted twice.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(CELLS_UNLIKE_THE_PORTFOLIO),
                **rule(
                    "cells_sum_to_the_live_portfolio",
                    "各单元格之和等于存量贷款组合，精确到分。",
                    "The cells are the live portfolio, bucket by bucket, to the cent.",
                    why="Cells are carried and corrected by the touched loans: one cent off is a lost loan.",
                ),
            ),
            ExpectNoRowsWhere(
                where=scope.sql(TARGET_UNLIKE_POLICY),
                **rule(
                    "target_is_the_one_of_policy",
                    "不良率目标等于当日政策。",
                    "The target is the one of the policy of the day.",
                    why="A ratio would be judged against a target that nobody set.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(NPL_ABOVE_TARGET),
                **rule(
                    "npl_90p_is_within_target",
                    "逾期90天以上不良率不超过目标。",
                    "The share of principal more than 90 days past due is within its target.",
                    why="An alert to management, never a reason to hold back the lists that work on it.",
                    severity=WARNING,
                ),
            ),
        ],
    )
