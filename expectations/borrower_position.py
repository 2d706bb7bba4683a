"""What must hold for the borrowers that a run wrote.

The others were compared when their rows were written; a touch spreads to all loans of a borrower and from a loan to its
borrower (see ``touched_loan``), so that their sums still stand.
"""

from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "marts"
BORROWERS_UNLIKE_THEIR_LOANS = """
with touched as (
    select borrower_id from {candidate}.touched_borrower
),
loans as (
    select
        borrower_id,
        coalesce(currency, 'UNKNOWN') as currency,
        count(*) as loan_count,
        count(*) filter (where is_live) as live_loan_count,
        count(*) filter (where is_live and days_past_due > 0) as past_due_loan_count,
        coalesce(sum(principal_outstanding_amount) filter (where is_live), 0) as principal_outstanding_amount,
        coalesce(sum(past_due_amount) filter (where is_live), 0) as past_due_amount,
        min(oldest_unpaid_due_date) filter (where is_live) as oldest_unpaid_due_date
    from {candidate}.loan_position
    where borrower_id in (select borrower_id from touched)
    group by borrower_id, coalesce(currency, 'UNKNOWN')
),
borrowers as (
    select distinct
        borrower_id, currency, loan_count, live_loan_count, past_due_loan_count, principal_outstanding_amount,
        past_due_amount, oldest_unpaid_due_date
    from {candidate}.borrower_position
    where borrower_id in (select borrower_id from touched)
)
select borrower_id
from loans
full join borrowers using (borrower_id, currency)
where
    (
        loans.loan_count, loans.live_loan_count, loans.past_due_loan_count, loans.principal_outstanding_amount,
        loans.past_due_amount, loans.oldest_unpaid_due_date
    ) is distinct from (
        borrowers.loan_count, borrowers.live_loan_count, borrowers.past_due_loan_count,
        borrowers.principal_outstanding_amount, borrowers.past_due_amount, borrowers.oldest_unpaid_due_date
    )
"""
WORST_BUCKET_UNLIKE_POLICY = """
worst_delinquency_bucket is distinct from
    (select array_agg(delinquency_bucket order by from_days) from {ref}.delinquency_bucket where {valid})
    [width_bucket(
        coalesce(as_of_date - oldest_unpaid_due_date, 0),
        (select array_agg(from_days order by from_days) from {ref}.delinquency_bucket where {valid})
    )]
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="borrower_position",
        expectations=[
            ExpectOneRowPer(
                key=["borrower_id", "currency"],
                **rule(
                    "one_row_per_borrower_and_currency",
                    "每位借款人每个币种只有一行。",
                    "Each borrower has one row a currency.",
                    why="The exposure of the borrower would be counted twice.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(BORROWERS_UNLIKE_THEIR_LOANS),
                **rule(
                    "borrower_equals_the_sum_of_the_loans",
                    "借款人汇总等于其各笔贷款之和，精确到分。",
                    "A borrower's row is the sum of the loans, to the cent.",
                    why="Whoever decides by the borrower would see another debt than whoever decides by the loan.",
                ),
            ),
            ExpectNoRowsWhere(
                where=scope.sql(WORST_BUCKET_UNLIKE_POLICY),
                **rule(
                    "worst_bucket_follows_the_oldest_due_date",
                    "最差逾期阶段由最早未还应还日决定。",
                    "The worst bucket is the one of the oldest unpaid due date.",
                    why="Whoever decides by the borrower would see a milder stage than the worst loan's.",
                ),
            ),
        ],
    )
