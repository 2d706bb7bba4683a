-- One row per borrower of a touched live loan and bureau: the latest report, the one before it, and what accounts with
-- other lenders looked like in them. Scores of different bureaus are never compared.
with reports as (
    select * from {{ ref('int_bureau_reports') }}
),

all_tradelines as (
    select * from {{ ref('stg_bureau__bureau_tradelines') }}
),

wanted as (
    select
        pull_id,
        currency
    from reports
    where is_known and (recency <= 2 or (is_before_lending and recency_on_its_side = 1))
),

-- a pull without any account says nothing about accounts: it has no row here
accounts as (
    select
        wanted.pull_id,
        coalesce(
            max(
                case
                    when tradelines.account_status_code = 'CHARGED_OFF'
                        then
                            greatest(
                                tradelines.days_past_due,
                                {{ signal_parameter('delinquent_elsewhere', 'charged_off_days') }}
                            )
                    else tradelines.days_past_due
                end
            ) filter (where not tradelines.is_own_lender and tradelines.account_status_code <> 'CLOSED'),
            0
        ) as other_past_due_days,
        coalesce(
            sum(tradelines.balance_amount) filter (
                where
                not tradelines.is_own_lender
                and tradelines.currency = wanted.currency
                and tradelines.account_type_code not in ('MORTGAGE', 'AUTO_LOAN')
            ),
            0
        ) as other_unsecured_debt_amount
    from wanted
    join all_tradelines as tradelines on wanted.pull_id = tradelines.pull_id
    group by wanted.pull_id
),

scored as (
    select
        borrower_id,
        bureau_code,
        pull_date,
        bureau_score,
        lead(bureau_score) over (
            partition by borrower_id, bureau_code order by pull_date desc, pull_id desc
        ) as previous_bureau_score,
        row_number() over (partition by borrower_id, bureau_code order by pull_date desc, pull_id desc) as recency
    from reports
    where is_known and bureau_score is not null
),

future as (
    select
        borrower_id,
        bureau_code,
        min(pull_date) as next_pull_date
    from reports
    where not is_known
    group by borrower_id, bureau_code
),

pairs as (
    select distinct
        borrower_id,
        bureau_code
    from reports
)

select
    pairs.borrower_id,
    pairs.bureau_code,
    count(latest.pull_id) over (partition by pairs.borrower_id) as bureau_count,
    -- the latest report
    latest.pull_id,
    latest.pull_date,
    latest.currency,
    latest.total_debt_amount,
    latest.unsecured_debt_amount,
    latest.credit_limit_amount,
    latest.credit_used_amount,
    latest.open_lender_count,
    latest.inquiry_30d_count,
    latest.inquiry_90d_count,
    latest_accounts.other_past_due_days,
    latest_accounts.other_unsecured_debt_amount,
    -- the report before it
    previous.pull_date as previous_pull_date,
    previous.currency as previous_currency,
    previous.total_debt_amount as previous_total_debt_amount,
    previous.unsecured_debt_amount as previous_unsecured_debt_amount,
    previous_accounts.other_unsecured_debt_amount as previous_other_unsecured_debt_amount,
    -- the last report before we lent
    before_accounts.other_past_due_days as other_past_due_days_before_lending,
    -- the latest score and the one before it
    scored.pull_date as score_date,
    scored.bureau_score,
    scored.previous_bureau_score,
    future.next_pull_date
from pairs
left join reports as latest
    on
        pairs.borrower_id = latest.borrower_id
        and pairs.bureau_code = latest.bureau_code
        and latest.is_known
        and latest.recency = 1
left join reports as previous
    on
        pairs.borrower_id = previous.borrower_id
        and pairs.bureau_code = previous.bureau_code
        and previous.is_known
        and previous.recency = 2
left join reports as before_lending
    on
        pairs.borrower_id = before_lending.borrower_id
        and pairs.bureau_code = before_lending.bureau_code
        and before_lending.is_known
        and before_lending.is_before_lending
        and before_lending.recency_on_its_side = 1
left join accounts as latest_accounts on latest.pull_id = latest_accounts.pull_id
left join accounts as previous_accounts on previous.pull_id = previous_accounts.pull_id
left join accounts as before_accounts on before_lending.pull_id = before_accounts.pull_id
left join scored
    on
        pairs.borrower_id = scored.borrower_id
        and pairs.bureau_code = scored.bureau_code
        and scored.recency = 1
left join future on pairs.borrower_id = future.borrower_id and pairs.bureau_code = future.bureau_code
