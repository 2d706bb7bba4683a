-- Past due, and the oldest unpaid instalment was paid in part: willing, and not able to pay it whole.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

threshold as (
    select * from {{ policy('signal') }} as signal
    where signal_code = 'partial_payment'
),

shares as (
    select
        loan_id,
        oldest_unpaid_due_date,
        case
            when oldest_unpaid_due_date is not null and oldest_unpaid_paid_amount > 0
                then round(
                    100 * oldest_unpaid_amount / (oldest_unpaid_amount + oldest_unpaid_paid_amount), 2
                )
        end as unpaid_percent
    from positions
)

select
    shares.loan_id,
    threshold.signal_code,
    shares.unpaid_percent as observed_value,
    shares.oldest_unpaid_due_date as observed_date,
    coalesce(shares.unpaid_percent >= threshold.raise_threshold, false) as meets_raise,
    coalesce(shares.unpaid_percent < threshold.clear_threshold, true) as meets_clear,
    null::date as changes_on
from shares
cross join threshold
