-- A business that the borrower owns or runs was found abnormal, punished, revoked or deregistered.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

borrowers as (
    select * from {{ ref('int_live_borrowers') }}
),

records as (
    select * from {{ ref('stg_public_records__business_registrations') }}
    where
        event_code in ('ABNORMAL', 'PENALTY', 'REVOKED', 'DEREGISTERED')
        -- a share in somebody else's business is an investment
        and role_code in ('OWNER', 'LEGAL_REPRESENTATIVE')
),

threshold as (
    select
        *,
        {{ data_as_of('public_records') }} as as_of_date,
        {{ signal_parameter('business_distress', 'raise_window_days') }} as raise_days,
        {{ signal_parameter('business_distress', 'clear_window_days') }} as clear_days
    from {{ policy('signal') }} as signal
    where signal_code = 'business_distress'
),

events as (
    select
        records.borrower_id,
        count(*) filter (
            where
            records.event_date <= {{ business_date() }}
            and records.event_date > threshold.as_of_date - threshold.raise_days
        ) as recent_count,
        count(*) filter (
            where
            records.event_date <= {{ business_date() }}
            and records.event_date > threshold.as_of_date - threshold.clear_days
        ) as event_count,
        max(records.event_date) filter (where records.event_date <= {{ business_date() }}) as last_event_date,
        min(
            {{ moves_on(
                ["records.event_date + threshold.raise_days", "records.event_date + threshold.clear_days"],
                "threshold.as_of_date",
            ) }}
        ) as expires_on,
        min(records.event_date) filter (where records.event_date > {{ business_date() }}) as next_event_date
    from borrowers
    join records on borrowers.borrower_id = records.borrower_id and borrowers.lending_since_date <= records.event_date
    cross join threshold
    where threshold.as_of_date is not null
    group by records.borrower_id
)

select
    positions.loan_id,
    threshold.signal_code,
    events.event_count::numeric as observed_value,
    events.last_event_date as observed_date,
    events.recent_count >= threshold.raise_threshold as meets_raise,
    events.event_count < threshold.clear_threshold as meets_clear,
    least(events.expires_on, events.next_event_date) as changes_on
from positions
join events on positions.borrower_id = events.borrower_id
cross join threshold
