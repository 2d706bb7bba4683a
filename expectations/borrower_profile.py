"""What must hold for the profiles of the borrowers that a run wrote."""

import great_expectations.expectations as gxe
from great_expectations.core import ExpectationSuite

from expectations.rules import ExpectNoRowsFrom, ExpectNoRowsWhere, ExpectOneRowPer, rule
from expectations.scope import Scope

STAGE = "marts"
PROFILES_UNLIKE_THEIR_POSITIONS = """
with sums as (
    select
        borrower_id,
        case when count(*) > 1 then 'MIXED' else max(currency) end as currency,
        sum(loan_count) as loan_count,
        sum(live_loan_count) as live_loan_count,
        sum(past_due_loan_count) as past_due_loan_count,
        case when count(*) = 1 then max(principal_outstanding_amount) end as principal_outstanding_amount,
        case when count(*) = 1 then max(past_due_amount) end as past_due_amount,
        min(oldest_unpaid_due_date) as oldest_unpaid_due_date
    from {candidate}.borrower_position
    where borrower_id in (select borrower_id from {candidate}.touched_borrower)
    group by borrower_id
),
profiles as (
    select distinct
        borrower_id, currency, loan_count, live_loan_count, past_due_loan_count, principal_outstanding_amount,
        past_due_amount, oldest_unpaid_due_date
    from {candidate}.borrower_profile
    where borrower_id in (select borrower_id from {candidate}.touched_borrower)
)
select borrower_id
from sums
full join profiles using (borrower_id)
where
    (
        sums.currency, sums.loan_count, sums.live_loan_count, sums.past_due_loan_count,
        sums.principal_outstanding_amount, sums.past_due_amount, sums.oldest_unpaid_due_date
    ) is distinct from (
        profiles.currency, profiles.loan_count, profiles.live_loan_count, profiles.past_due_loan_count,
        profiles.principal_outstanding_amount, profiles.past_due_amount, profiles.oldest_unpaid_due_date
    )
"""
AFTER_THE_DAY = """
greatest(
    customer_since_date, deceased_date, last_right_party_contact_date, last_attempt_date, last_bureau_pull_date,
    previous_bureau_pull_date, last_income_date, last_salary_date, last_employer_change_date, application_date
) > as_of_date
"""
SCORE_BAND_UNLIKE_POLICY = """
bureau_score_band is distinct from
    (select array_agg(bureau_score_band order by from_score) from {ref}.bureau_score_band where {valid})
    [width_bucket(
        bureau_score, (select array_agg(from_score order by from_score) from {ref}.bureau_score_band where {valid})
    )]
"""
# a date without its fact, or a fact without its date
TREND_WITHOUT_ITS_FACTS = """
(bureau_trend_code = 'NO_REPORT') <> (last_bureau_pull_date is null)
or (bureau_trend_code = 'FIRST_REPORT') <> (last_bureau_pull_date is not null and previous_bureau_pull_date is null)
or (income_trend_code = 'NO_EVIDENCE') <> (last_income_date is null)
"""


def suite(scope: Scope) -> ExpectationSuite:
    return ExpectationSuite(
        name="borrower_profile",
        expectations=[
            ExpectOneRowPer(
                key=["borrower_id"],
                **rule(
                    "one_row_per_borrower",
                    "每位借款人只有一行。",
                    "Each borrower has one row.",
                    why="Whoever joins by the borrower would count loans twice.",
                ),
            ),
            ExpectNoRowsFrom(
                query=scope.sql(PROFILES_UNLIKE_THEIR_POSITIONS),
                **rule(
                    "the_profile_agrees_with_the_position",
                    "借款人画像与借款人汇总一致，精确到分。",
                    "A borrower's profile and position state the same loans and amounts, to the cent.",
                    why="Two tables would tell two debts of one person.",
                ),
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="bureau_trend_code",
                value_set=["NO_REPORT", "FIRST_REPORT", "WORSENING", "STABLE", "IMPROVING"],
                **rule(
                    "bureau_trend_is_known",
                    "征信趋势在代码表内。",
                    "The trend of the bureau reports is one of the five.",
                    why="Rules that read the code would pass over it.",
                ),
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="income_trend_code",
                value_set=["NO_EVIDENCE", "FIRST_EVIDENCE", "FALLING", "STABLE", "RISING"],
                **rule(
                    "income_trend_is_known",
                    "收入趋势在代码表内。",
                    "The trend of the income is one of the five.",
                    why="Rules that read the code would pass over it.",
                ),
            ),
            ExpectNoRowsWhere(
                where=TREND_WITHOUT_ITS_FACTS,
                **rule(
                    "a_trend_rests_on_facts",
                    "趋势代码与其依据一致。",
                    "A trend code and the dates that it rests on go together.",
                    why="A trend without a report would be an invention.",
                ),
            ),
            ExpectNoRowsWhere(
                where=AFTER_THE_DAY,
                **rule(
                    "nothing_is_known_after_the_day",
                    "各项事实不晚于业务日期。",
                    "No fact lies after the day.",
                    why="A backfill would know what nobody knew.",
                ),
            ),
            ExpectNoRowsWhere(
                where="changes_on <= as_of_date",
                **rule(
                    "changes_on_lies_ahead",
                    "下次变动日晚于业务日期。",
                    "The day of the next change lies ahead.",
                    why="The row should have been computed again.",
                ),
            ),
            ExpectNoRowsWhere(
                where="(open_promise_count > 0) <> (open_promise_date is not null) or open_promise_date < as_of_date",
                **rule(
                    "an_open_promise_has_a_day_ahead",
                    "未到期承诺有承诺日且未过期。",
                    "An open promise has a day, and it has not passed.",
                    why="A promise that was broken would still protect from a call.",
                ),
            ),
            ExpectNoRowsWhere(
                where="verifying_source_count not between 0 and income_source_count or income_source_count > 4",
                **rule(
                    "counts_of_sources_fit",
                    "相符来源数不超过来源数。",
                    "Sources that bear the income out are among those that speak of it.",
                    why="An income would count as verified by nobody.",
                ),
            ),
            ExpectNoRowsWhere(
                where=scope.sql(SCORE_BAND_UNLIKE_POLICY),
                **rule(
                    "score_band_is_the_one_of_policy",
                    "评分段符合政策。",
                    "The band of the score is the one of policy.",
                    why="Whoever decides by the band would decide by another score.",
                ),
            ),
            ExpectNoRowsWhere(
                where="mobile_phone_token !~ '^v[1-9][0-9]{0,3}:[0-9a-f]{32}$'",
                **rule(
                    "no_phone_number_is_readable",
                    "手机号仅以令牌形式出现。",
                    "A phone number appears as a token only.",
                    why="Personal data would have left the vault.",
                ),
            ),
        ],
    )
