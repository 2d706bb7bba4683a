"""What must hold for the position of every loan, carried rows included: readers see all of them."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite
from great_expectations.expectations.expectation import Expectation

from expectations.rules import WARNING, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "marts"
STATUSES = ["PENDING", "ACTIVE", "PAID_OFF", "CLOSED", "CHARGED_OFF", "SOLD", "CANCELLED", "EXCLUDED"]
EXCLUSION_REASONS = ["NO_CONTRACT", "NO_SCHEDULE", "NO_CURRENCY_POLICY"]
HABITS = ["EARLY", "ON_TIME", "LATE", "UNKNOWN"]
# the other amounts are held between these by the rules on how amounts relate
NEVER_NEGATIVE = {
    "principal_amount": "贷款本金",
    "principal_outstanding_amount": "剩余本金",
    "oldest_unpaid_amount": "最早未还期欠款",
    "oldest_unpaid_paid_amount": "最早未还期已还",
    "unapplied_amount": "溢缴款",
}


BUCKET_UNLIKE_POLICY = """
delinquency_bucket is distinct from
    (select array_agg(delinquency_bucket order by from_days) from {ref}.delinquency_bucket where {valid})
    [width_bucket(
        days_past_due,
        (select array_agg(from_days order by from_days) from {ref}.delinquency_bucket where {valid})
    )]
"""
WINDOWS_NOT_NESTED = """
not (
    max_ended_past_due_3m_days between 0 and max_ended_past_due_6m_days
    and max_ended_past_due_6m_days <= max_ended_past_due_12m_days
    and max_ended_past_due_12m_days <= max_ended_past_due_ever_days
)
"""
ENDED_AND_PAST_DUE = """
loan_status in ('PAID_OFF', 'CLOSED', 'CANCELLED', 'EXCLUDED') and oldest_unpaid_due_date is not null
"""
LIVE_AND_INCOMPLETE = """
is_live and (
    borrower_id is null or product_code is null or branch_code is null or channel_code is null
    or principal_amount is null or disbursement_date is null or currency is null or currency !~ '^[A-Z]{3}$'
)
"""
BAND_NOT_IN_POLICY = """
months_on_book_band <> 'NOT_YET'
and months_on_book_band not in (select months_on_book_band from {ref}.months_on_book_band where {valid})
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="loan_position",
        expectations=[
            ExpectOneRowPer(
                key=["loan_id"],
                **rule(
                    "one_row_per_loan",
                    "每笔贷款只有一行。",
                    "Each loan has one row.",
                    why="A duplicate counts its money twice and sends two officers to one door.",
                ),
            ),
            *_clocks(scope),
            *_amounts(),
            *_status(scope),
        ],
    )


def _clocks(scope: Scope) -> list[Expectation]:
    """Time alone breaks these: a row that should have been recomputed and was not shows up here."""
    return [
        ExpectNoRowsWhere(
            where="days_past_due <> coalesce(as_of_date - oldest_unpaid_due_date, 0) or days_past_due < 0",
            **rule(
                "days_past_due_counts_from_its_anchor",
                "逾期天数为0，或等于业务日期减最早未还应还日。",
                "Days past due are 0, or the business date minus the oldest unpaid due date.",
                why="Every bucket, severity and ratio follows from this number.",
            ),
        ),
        ExpectNoRowsWhere(
            where=scope.sql(BUCKET_UNLIKE_POLICY),
            **rule(
                "bucket_follows_days_past_due",
                "逾期阶段由逾期天数决定。",
                "The delinquency bucket is the one that policy gives to the days past due.",
                why="A carried row with yesterday's bucket means that the touched set missed a loan.",
            ),
        ),
        ExpectNoRowsWhere(
            where="changes_on <= as_of_date",
            **rule(
                "changes_on_lies_ahead",
                "下次变化日晚于业务日期。",
                "The day on which a row changes by time alone lies ahead.",
                why="A row whose day has come was not recomputed: what readers see of it is out of date.",
            ),
        ),
        ExpectNoRowsWhere(
            where="next_due_date <= as_of_date",
            **rule(
                "next_due_date_lies_ahead",
                "下一应还日晚于业务日期。",
                "The next due date lies ahead.",
                why="An officer would ask the borrower for an instalment of the past as if it were to come.",
            ),
        ),
        ExpectNoRowsWhere(
            where="greatest(last_payment_date, paid_off_date, last_cured_date, current_spell_start_date) > as_of_date",
            **rule(
                "nothing_has_happened_after_the_day",
                "已发生的日期不晚于业务日期。",
                "What has happened is not dated after the business date.",
                why="A payment of tomorrow must not help today: the list would look at the future.",
            ),
        ),
        ExpectNoRowsWhere(
            where=WINDOWS_NOT_NESTED,
            **rule(
                "longer_windows_hold_more",
                "较长窗口的最大逾期不小于较短窗口。",
                "The greatest days past due of a longer window are not less than those of a shorter one.",
                why="The windows are nested; a shorter one that knows more has lost or invented an instalment.",
            ),
        ),
    ]


def _amounts() -> list[Expectation]:
    return [
        *(
            gxe.ExpectColumnValuesToBeBetween(
                column=column,
                min_value=0,
                **rule(
                    f"{column}_is_not_negative",
                    f"{zh}不为负。",
                    f"{column} is not negative.",
                    why="A negative amount takes money out of every sum it enters.",
                ),
            )
            for column, zh in NEVER_NEGATIVE.items()
        ),
        ExpectNoRowsWhere(
            where="principal_outstanding_amount > greatest(principal_amount, 0)",
            **rule(
                "outstanding_is_at_most_the_principal",
                "剩余本金不超过贷款本金。",
                "The outstanding principal is at most the principal paid out.",
                why="The exposure of the portfolio would be overstated: a schedule adds up to more than the loan.",
            ),
        ),
        ExpectNoRowsWhere(
            where="past_due_amount > due_to_date_amount",
            **rule(
                "past_due_is_at_most_what_was_due",
                "逾期金额不超过累计应还。",
                "The past-due amount is at most what has fallen due.",
                why="A borrower would be asked for money that is not owed yet.",
            ),
        ),
        ExpectNoRowsWhere(
            where="oldest_unpaid_amount > past_due_amount",
            **rule(
                "oldest_unpaid_is_part_of_past_due",
                "最早未还期欠款不超过逾期金额。",
                "What the oldest unpaid instalment lacks is part of the past-due amount.",
                why="The part cannot exceed the whole; partial payment is judged by it.",
            ),
        ),
        ExpectNoRowsWhere(
            where="(oldest_unpaid_due_date is null) <> (past_due_amount = 0)",
            **rule(
                "past_due_amount_and_anchor_go_together",
                "有逾期金额才有最早未还应还日，反之亦然。",
                "A past-due amount has an oldest unpaid due date, and the other way round.",
                why="Days past due without money, or money without days, cannot be explained to a borrower.",
            ),
        ),
        ExpectNoRowsWhere(
            where="paid_to_date_amount < 0",
            **rule(
                "payments_are_not_negative_in_sum",
                "累计还款不为负。",
                "Payments less reversals are not negative.",
                why="A reversal has arrived without the payment that it takes back: ask the payment system.",
                severity=WARNING,
            ),
        ),
    ]


def _status(scope: Scope) -> list[Expectation]:
    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="loan_status",
            value_set=STATUSES,
            **rule(
                "loan_status_is_known",
                "贷款状态在代码表内。",
                "The loan status is one of the known codes.",
                why="A status that nobody defined is in no population and on no list.",
            ),
        ),
        ExpectNoRowsWhere(
            where="is_live <> (loan_status = 'ACTIVE')",
            **rule(
                "only_active_loans_are_live",
                "仅ACTIVE贷款为存量；已结清、已关闭等不得为存量。",
                "Live are the ACTIVE loans and no others; a paid-off or closed loan never.",
                why="is_live is the population of every KPI and list.",
            ),
        ),
        ExpectNoRowsWhere(
            where=ENDED_AND_PAST_DUE,
            **rule(
                "ended_loans_are_not_past_due",
                "已结清、关闭、取消或未计算的贷款没有逾期。",
                "A paid-off, closed, cancelled or excluded loan is not past due.",
                why="A person who owes nothing would be called about a debt.",
            ),
        ),
        ExpectNoRowsWhere(
            where="loan_status = 'PENDING' and oldest_unpaid_due_date is not null",
            **rule(
                "nothing_is_due_before_disbursement",
                "未放款的贷款没有逾期。",
                "A loan that has not been paid out is not past due.",
                why="The schedule starts before the money was paid out: ask the core system which date is wrong.",
                severity=WARNING,
            ),
        ),
        ExpectNoRowsWhere(
            where="loan_status = 'PAID_OFF' and paid_off_date is null",
            **rule(
                "paid_off_since_when",
                "已结清贷款有结清日。",
                "A paid-off loan says since when.",
                why="Without the date nobody can prove to the borrower that the loan is settled.",
            ),
        ),
        ExpectNoRowsWhere(
            where="(loan_status = 'EXCLUDED') <> (exclusion_reason_code is not null)",
            **rule(
                "excluded_loans_say_why",
                "未计算的贷款有且仅有其原因。",
                "An excluded loan has a reason, and no other loan has one.",
                why="Loans must not drop out of sight without a reason that somebody can work on.",
            ),
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="exclusion_reason_code",
            value_set=EXCLUSION_REASONS,
            **rule(
                "exclusion_reason_is_known",
                "未计算原因在代码表内。",
                "The reason for exclusion is one of the known codes.",
                why="Somebody has to know what to do about it.",
            ),
        ),
        ExpectNoRowsWhere(
            where=LIVE_AND_INCOMPLETE,
            **rule(
                "live_loans_are_complete",
                "存量贷款的借款人、产品、渠道、机构、币种、本金和放款日齐全。",
                "A live loan has its borrower, product, channel, branch, currency, principal and disbursement date.",
                why="A loan that belongs to no cell is missing from the KPIs.",
            ),
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="payment_habit_code",
            value_set=HABITS,
            **rule(
                "payment_habit_is_known",
                "还款习惯在代码表内。",
                "The payment habit is one of the known codes.",
                why="Rules that read an unknown habit silently do nothing.",
            ),
        ),
        ExpectNoRowsWhere(
            where=scope.sql(BAND_NOT_IN_POLICY),
            **rule(
                "months_on_book_band_is_in_policy",
                "账龄段在当日政策内。",
                "The band of months on book is one of the policy of the day.",
                why="A band that policy no longer has belongs to no cohort.",
            ),
        ),
        ExpectNoRowsWhere(
            where="exclusion_reason_code in ('NO_CONTRACT', 'NO_SCHEDULE', 'NO_CURRENCY_POLICY')",
            **rule(
                "no_loan_is_excluded",
                "没有因资料缺失而未计算的贷款。",
                "No loan is left out for lack of data.",
                why="Each of these loans is watched by nobody until its contract, schedule or policy row arrives.",
                severity=WARNING,
            ),
        ),
    ]
