-- The use of a draw is in doubt and no verified papers explain it. It asks for evidence and says nothing more: nobody
-- has confirmed anything.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

checks as (
    select * from {{ ref('int_fund_use_checks') }}
    where raises_signal and is_evidence_wanted
),

threshold as (
    select * from {{ policy('signal') }} as signal
    where signal_code = 'fund_use_suspect'
),

doubts as (
    select
        loan_id,
        count(*) as doubt_count,
        max(draw_date) as draw_date
    from checks
    group by loan_id
)

select
    positions.loan_id,
    threshold.signal_code,
    doubts.doubt_count::numeric as observed_value,
    doubts.draw_date as observed_date,
    coalesce(doubts.doubt_count >= threshold.raise_threshold, false) as meets_raise,
    coalesce(doubts.doubt_count < threshold.clear_threshold, true) as meets_clear,
    -- when the checks change: int_fund_use_change_dates
    null::date as changes_on
from positions
cross join threshold
left join doubts on positions.loan_id = doubts.loan_id
