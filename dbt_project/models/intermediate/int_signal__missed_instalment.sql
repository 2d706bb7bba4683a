-- An instalment is unpaid after its due date. The anchor is the due date; how long it lasts is a clock of the view.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

threshold as (
    select * from {{ policy('signal') }} as signal
    where signal_code = 'missed_instalment'
)

select
    positions.loan_id,
    threshold.signal_code,
    null::numeric as observed_value,
    positions.oldest_unpaid_due_date as observed_date,
    coalesce({{ business_date() }} - positions.oldest_unpaid_due_date >= threshold.raise_threshold, false)
        as meets_raise,
    coalesce({{ business_date() }} - positions.oldest_unpaid_due_date < threshold.clear_threshold, true) as meets_clear,
    positions.oldest_unpaid_due_date + case
        when {{ business_date() }} - positions.oldest_unpaid_due_date < threshold.clear_threshold
            then threshold.clear_threshold::integer
        when {{ business_date() }} - positions.oldest_unpaid_due_date < threshold.raise_threshold
            then threshold.raise_threshold::integer
    end as changes_on
from positions
cross join threshold
