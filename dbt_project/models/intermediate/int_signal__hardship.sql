-- Relief was granted because the borrower cannot pay, on any of the loans, or the borrower asked for relief in a
-- revisit. A claim is quiet sooner than relief, which the lender itself has found justified.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
),

borrowers as (
    select * from {{ ref('int_live_borrowers') }}
),

relief as (
    select * from {{ ref('stg_core_banking__forbearance_events') }}
    where has_financial_difficulty
),

contacts as (
    select * from {{ ref('int_borrower_contacts') }}
    where is_hardship_claimed
),

threshold as (
    select
        *,
        {{ data_as_of('contact_center') }} as as_of_date,
        {{ signal_parameter('hardship', 'relief_window_days') }} as relief_days,
        {{ signal_parameter('hardship', 'claim_raise_window_days') }} as claim_raise_days,
        {{ signal_parameter('hardship', 'claim_clear_window_days') }} as claim_clear_days
    from {{ policy('signal') }} as signal
    where signal_code = 'hardship'
),

-- each event with the dates from which it raises and keeps nothing any more, and up to when its source is known
events as (
    select
        borrowers.borrower_id,
        relief.granted_date as event_date,
        relief.granted_date + threshold.relief_days as raises_until,
        relief.granted_date + threshold.relief_days as keeps_until,
        {{ business_date() }} as as_of_date
    from relief
    join positions on relief.loan_id = positions.loan_id
    join borrowers
        on positions.borrower_id = borrowers.borrower_id and relief.granted_date >= borrowers.lending_since_date
    cross join threshold
    union all
    select
        contacts.borrower_id,
        contacts.contact_date as event_date,
        contacts.contact_date + threshold.claim_raise_days as raises_until,
        contacts.contact_date + threshold.claim_clear_days as keeps_until,
        threshold.as_of_date
    from contacts
    cross join threshold
    where contacts.contact_date >= contacts.lending_since_date
),

of_borrower as (
    select
        borrower_id,
        count(*) filter (where event_date <= {{ business_date() }} and raises_until > as_of_date) as recent_count,
        count(*) filter (where event_date <= {{ business_date() }} and keeps_until > as_of_date) as event_count,
        max(event_date) filter (where event_date <= {{ business_date() }}) as last_event_date,
        min({{ moves_on(["raises_until", "keeps_until"], "as_of_date") }}) as expires_on,
        min(event_date) filter (where event_date > {{ business_date() }}) as next_event_date
    from events
    group by borrower_id
)

select
    positions.loan_id,
    threshold.signal_code,
    of_borrower.event_count::numeric as observed_value,
    of_borrower.last_event_date as observed_date,
    of_borrower.recent_count >= threshold.raise_threshold as meets_raise,
    of_borrower.event_count < threshold.clear_threshold as meets_clear,
    least(of_borrower.expires_on, of_borrower.next_event_date) as changes_on
from positions
join of_borrower on positions.borrower_id = of_borrower.borrower_id
cross join threshold
where positions.is_live
