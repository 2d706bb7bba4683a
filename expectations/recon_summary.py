"""What must hold for the reconciliation as a whole. Open differences above the total tolerance stop the day."""

from great_expectations.core import ExpectationSuite

from expectations.rules import WARNING, ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "marts"
FIGURES = """
(compared_count is not null) <> (status_code = 'COMPARED')
or (agreeing_count is not null) <> (status_code = 'COMPARED')
or (breaking_count is not null) <> (status_code = 'COMPARED')
or (open_difference_amount is not null) <> (status_code = 'COMPARED')
or (data_as_of_date is null) <> (status_code = 'MISSING')
"""
COUNTS = """
compared_count <> agreeing_count + breaking_count
or least(compared_count, agreeing_count, breaking_count, known_break_count, not_compared_count) < 0
or known_break_count > breaking_count
"""
BREAKS_UNLIKE_THE_LIST = """
with listed as (
    select
        source_code, measure_code, currency, count(*) as breaking_count, count(known_break_id) as known_break_count,
        coalesce(sum(abs(difference_amount)) filter (where known_break_id is null), 0) as open_difference_amount
    from {candidate}.recon_break
    where compared_date = {business_date}
    group by source_code, measure_code, currency
),
stated as (
    select distinct
        source_code, measure_code, currency, breaking_count, known_break_count, open_difference_amount
    from {candidate}.recon_summary
    where breaking_count > 0
)
select 1
from listed
full join stated using (source_code, measure_code, currency)
where
    (listed.breaking_count, listed.known_break_count, listed.open_difference_amount)
    is distinct from (stated.breaking_count, stated.known_break_count, stated.open_difference_amount)
"""
LEDGER_UNLIKE_THE_PORTFOLIO = """
with portfolio as (
    select position.currency, sum(position.principal_outstanding_amount) as principal_amount
    from {candidate}.loan_position as position
    where
        position.loan_status = 'ACTIVE'
        or exists (
            select 1 from {ref}.gl_account as account
            where account.loan_status = position.loan_status
            and account.product_code in (position.product_code, 'ANY') and {valid}
        )
    group by position.currency
)
select summary.currency
from {candidate}.recon_summary as summary
left join portfolio using (currency)
where
    summary.source_code = 'gl_balance' and summary.status_code = 'COMPARED'
    and summary.our_total_amount <> coalesce(portfolio.principal_amount, 0)
"""
ROWS_NOT_ACCOUNTED_FOR = """
select account.batch_id
from {ops}.delivery_account as account
join {ops}.run_input as input on input.batch_id = account.batch_id and input.run_id = {run_id}
where
    account.rows_in <> account.rows_loaded + account.rows_unchanged + account.rows_duplicate
    + account.rows_released + account.rows_discarded + account.rows_in_quarantine
"""
CENTS_NOT_ACCOUNTED_FOR = """
select batch.batch_id
from {ops}.load_batch as batch
join {ops}.run_input as input on input.batch_id = batch.batch_id and input.run_id = {run_id}
where
    batch.control_total_in <> batch.control_total_loaded + batch.control_total_unchanged
    + batch.control_total_quarantined + batch.control_total_duplicate
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="recon_summary",
        expectations=[
            ExpectOneRowPer(
                key=["source_code", "measure_code", "currency"],
                **rule(
                    "one_row_per_measure",
                    "每个来源、项目、币种只有一行。",
                    "Each source, measure and currency has one row.",
                    why="A total that stands twice is read as two.",
                ),
            ),
            ExpectNoRowsWhere(
                where="status_code not in ('COMPARED', 'STALE', 'MISSING', 'NO_POLICY')",
                **rule(
                    "reconciliation_status_is_known",
                    "对账状态为规定的代码。",
                    "The status of a reconciliation is one of the codes.",
                    why="Whether anything was compared decides how the list of breaks is read.",
                ),
            ),
            ExpectNoRowsWhere(
                where=FIGURES,
                **rule(
                    "figures_only_where_something_was_compared",
                    "仅在已对账时有数字。",
                    "There are figures exactly where something was compared.",
                    why="Nothing compared must never read as everything agreeing.",
                ),
            ),
            ExpectNoRowsWhere(
                where=COUNTS,
                **rule(
                    "compared_is_agreeing_plus_breaking",
                    "已对账数等于相符数加不符数。",
                    "What was compared agrees or breaks.",
                    why="A loan that is neither is lost between two lists.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(BREAKS_UNLIKE_THE_LIST),
                **rule(
                    "every_counted_break_is_listed",
                    "不符数与差异清单一致，精确到分。",
                    "The breaks that are counted are those that are listed, to the cent.",
                    why="Whoever works the list would work on other differences than those that stop the day.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(LEDGER_UNLIKE_THE_PORTFOLIO),
                **rule(
                    "the_ledger_accounts_hold_every_loan_once",
                    "科目合计等于贷款本金合计，每笔只计一次。",
                    "The principal compared with the ledger is that of every loan, once.",
                    why="A loan that policy puts on two accounts breaks a total, and nobody finds why.",
                ),
            ),
            ExpectNoRowsWhere(
                where="open_difference_amount > total_tolerance_amount",
                **rule(
                    "open_differences_are_within_the_total_tolerance",
                    "未解释差额合计不超过容差。",
                    "The open differences of a measure are within its total tolerance.",
                    why="Books that differ by so much: a file, a rule or the core is wrong, and so are the lists.",
                ),
            ),
            ExpectNoRowsWhere(
                where="status_code = 'STALE'",
                **rule(
                    "balances_are_of_the_day",
                    "对账余额为当日数据。",
                    "A source that has delivered balances has delivered them for the day.",
                    why="Breaks that are not looked at grow old unseen.",
                    severity=WARNING,
                ),
            ),
            ExpectNoRowsWhere(
                where="status_code = 'NO_POLICY'",
                **rule(
                    "every_currency_has_a_tolerance",
                    "每个币种均有容差政策。",
                    "Balances of every currency have a tolerance.",
                    why="Without a tolerance nothing is compared; none is ever assumed.",
                    severity=WARNING,
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(ROWS_NOT_ACCOUNTED_FOR),
                **rule(
                    "every_delivered_row_is_accounted_for",
                    "每一行来源数据均有去向。",
                    "Rows in = loaded + unchanged + duplicates + released + discarded + still in quarantine.",
                    why="A row that is nowhere is a payment or a loan that nobody will miss.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(CENTS_NOT_ACCOUNTED_FOR),
                **rule(
                    "every_delivered_cent_is_accounted_for",
                    "控制总额逐分有去向。",
                    "The control total of every table = loaded + unchanged + quarantined + duplicates, to the cent.",
                    why="Figures are only as complete as the money that was let in.",
                ),
            ),
        ],
    )
