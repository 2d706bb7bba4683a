-- Late again soon after catching up: worse than a first slip of the same length. Measured from the day of catching up
-- to the day of the next slip, so it holds as long as the slip lasts. What was caught up was more than a technical
-- delay, and the slip is longer than this borrower's usual lateness: whoever pays every instalment some days late
-- slides nowhere.
{{ config(materialized="ephemeral") }}

with positions as (
    select
        *,
        current_spell_start_date - last_cured_date as days_since_cured,
        -- the first day on which the slip is longer than usual
        oldest_unpaid_due_date + greatest(coalesce(payment_habit_days, 0), 0) + 1 as unusual_from
    from {{ ref('int_loan_position') }}
    where is_live
),

threshold as (
    select * from {{ policy('signal') }} as signal
    where signal_code = 'sliding_back'
)

select
    positions.loan_id,
    threshold.signal_code,
    positions.days_since_cured::numeric as observed_value,
    positions.last_cured_date as observed_date,
    coalesce(
        positions.days_since_cured <= threshold.raise_threshold
        and positions.last_cured_spell_days >= {{ signal_parameter('sliding_back', 'cured_spell_days') }}
        and positions.unusual_from <= {{ business_date() }},
        false
    ) as meets_raise,
    coalesce(positions.days_since_cured > threshold.clear_threshold, true) as meets_clear,
    {{ moves_on(["positions.unusual_from"]) }} as changes_on
from positions
cross join threshold
