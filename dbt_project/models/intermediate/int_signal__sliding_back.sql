-- Late again soon after catching up: worse than a first slip of the same length. Measured from the day of catching up
-- to the day of the next slip, so it holds as long as the slip lasts.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

threshold as (
    select * from {{ policy('signal') }} as signal
    where signal_code = 'sliding_back'
)

select
    positions.loan_id,
    threshold.signal_code,
    (positions.current_spell_start_date - positions.last_cured_date)::numeric as observed_value,
    positions.last_cured_date as observed_date,
    coalesce(positions.current_spell_start_date - positions.last_cured_date <= threshold.raise_threshold, false)
        as meets_raise,
    coalesce(positions.current_spell_start_date - positions.last_cured_date > threshold.clear_threshold, true)
        as meets_clear,
    null::date as changes_on
from positions
cross join threshold
