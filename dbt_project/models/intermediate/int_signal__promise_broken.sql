-- The last promise whose day has passed was not kept: too little of it was paid from the day it was made to the day it
-- was promised for. A payment that was taken back is none. What is paid later makes the promise good, not kept.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

promises as (
    select * from {{ ref('stg_contact_center__promises_to_pay') }}
    where not is_withdrawn
),

threshold as (
    select
        *,
        {{ signal_parameter('promise_broken', 'window_days') }} as window_days
    from {{ policy('signal') }} as signal
    where signal_code = 'promise_broken'
),

of_loan as (
    select
        promises.*,
        promises.promised_date < {{ business_date() }} as has_lapsed
    from positions
    join promises on positions.loan_id = promises.loan_id and positions.currency = promises.currency
),

-- every transaction of these loans, read once
transactions as (
    select payments.*
    from (select distinct loan_id from of_loan) as loans
    join {{ ref('stg_payments__repayment_transactions') }} as payments on loans.loan_id = payments.loan_id
    where payments.value_date <= {{ business_date() }}
),

reversals as (
    select
        loan_id,
        reversal_of_transaction_id as transaction_id,
        sum(amount) as reversed_amount
    from transactions
    where transaction_type = 'REVERSAL'
    group by loan_id, reversal_of_transaction_id
),

last_lapsed as (
    select distinct on (loan_id) *
    from of_loan
    where has_lapsed
    order by loan_id asc, promised_date desc, promise_id desc
),

paid as (
    select
        last_lapsed.loan_id,
        sum(transactions.amount + coalesce(reversals.reversed_amount, 0)) as paid_amount,
        sum(transactions.amount + coalesce(reversals.reversed_amount, 0)) filter (
            where transactions.value_date <= last_lapsed.promised_date
        ) as paid_in_time_amount
    from last_lapsed
    join transactions
        on
            last_lapsed.loan_id = transactions.loan_id
            and last_lapsed.made_date <= transactions.value_date
            and transactions.transaction_type = 'REPAYMENT'
    left join reversals
        on transactions.loan_id = reversals.loan_id and transactions.transaction_id = reversals.transaction_id
    group by last_lapsed.loan_id
),

unpaid as (
    select
        last_lapsed.loan_id,
        last_lapsed.promised_date,
        round(
            100 * (last_lapsed.promised_amount - coalesce(paid.paid_in_time_amount, 0)) / last_lapsed.promised_amount, 2
        ) as unpaid_in_time_percent,
        round(
            100 * (last_lapsed.promised_amount - coalesce(paid.paid_amount, 0)) / last_lapsed.promised_amount, 2
        ) as unpaid_percent
    from last_lapsed
    left join paid on last_lapsed.loan_id = paid.loan_id
),

next_lapse as (
    select
        loan_id,
        min(promised_date) + 1 as lapses_on
    from of_loan
    where not has_lapsed
    group by loan_id
)

select
    positions.loan_id,
    threshold.signal_code,
    unpaid.unpaid_percent as observed_value,
    unpaid.promised_date as observed_date,
    coalesce(
        least(unpaid.unpaid_in_time_percent, unpaid.unpaid_percent) >= threshold.raise_threshold
        and unpaid.promised_date > {{ business_date() }} - threshold.window_days,
        false
    ) as meets_raise,
    coalesce(
        least(unpaid.unpaid_in_time_percent, unpaid.unpaid_percent) < threshold.clear_threshold
        or unpaid.promised_date <= {{ business_date() }} - threshold.window_days,
        true
    ) as meets_clear,
    least(next_lapse.lapses_on, {{ moves_on(["unpaid.promised_date + threshold.window_days"]) }}) as changes_on
from positions
left join unpaid on positions.loan_id = unpaid.loan_id
left join next_lapse on positions.loan_id = next_lapse.loan_id
cross join threshold
where unpaid.loan_id is not null or next_lapse.loan_id is not null
