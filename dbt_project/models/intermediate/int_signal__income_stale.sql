-- What is known of the borrower's income is old. Counted up to the date up to which the customer system has delivered;
-- an income that was never stated is unknown, not stale.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

income as (
    select * from {{ ref('int_borrower_income') }}
),

threshold as (
    select
        *,
        raise_threshold::integer as raise_days,
        clear_threshold::integer as clear_days,
        {{ data_as_of('customer') }} as as_of_date
    from {{ policy('signal') }} as signal
    where signal_code = 'income_stale'
),

last_known as (
    select
        borrower_id,
        max(observed_date) filter (where observed_date <= {{ business_date() }}) as observed_date,
        min(observed_date) filter (where observed_date > {{ business_date() }}) as next_observed_date
    from income
    group by borrower_id
)

select
    positions.loan_id,
    threshold.signal_code,
    null::numeric as observed_value,
    last_known.observed_date,
    coalesce(threshold.as_of_date - last_known.observed_date >= threshold.raise_days, false) as meets_raise,
    coalesce(threshold.as_of_date - last_known.observed_date < threshold.clear_days, true) as meets_clear,
    least(
        last_known.next_observed_date,
        {{ moves_on(
            [
                "last_known.observed_date + threshold.clear_days",
                "last_known.observed_date + threshold.raise_days",
            ],
            "threshold.as_of_date",
        ) }}
    ) as changes_on
from positions
join last_known on positions.borrower_id = last_known.borrower_id
cross join threshold
where threshold.as_of_date is not null
