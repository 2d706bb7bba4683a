-- Attempt after attempt has failed, over more than a few days, and nothing has reached the borrower since.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

contacts as (
    select * from {{ ref('int_borrower_contacts') }}
),

threshold as (
    select
        *,
        {{ signal_parameter('unreachable', 'minimum_days') }} as minimum_days
    from {{ policy('signal') }} as signal
    where signal_code = 'unreachable'
),

last_reached as (
    select distinct on (borrower_id)
        borrower_id,
        contact_date,
        started_at
    from contacts
    where is_reached and contact_date <= {{ business_date() }}
    order by borrower_id asc, contact_date desc, started_at desc
),

streaks as (
    select
        contacts.borrower_id,
        count(*) filter (
            where contacts.is_failed_attempt and contacts.contact_date <= {{ business_date() }}
        ) as failed_count,
        min(contacts.contact_date) filter (where contacts.is_failed_attempt) as first_failed_date,
        max(contacts.contact_date) filter (
            where contacts.is_failed_attempt and contacts.contact_date <= {{ business_date() }}
        ) as last_failed_date,
        min(contacts.contact_date) filter (where contacts.contact_date > {{ business_date() }}) as next_contact_date
    from contacts
    left join last_reached on contacts.borrower_id = last_reached.borrower_id
    where
        contacts.contact_date >= contacts.lending_since_date
        and (
            last_reached.borrower_id is null
            or (contacts.contact_date, contacts.started_at) > (last_reached.contact_date, last_reached.started_at)
        )
    group by contacts.borrower_id
)

select
    positions.loan_id,
    threshold.signal_code,
    streaks.failed_count::numeric as observed_value,
    streaks.first_failed_date as observed_date,
    coalesce(
        streaks.failed_count >= threshold.raise_threshold
        and streaks.last_failed_date - streaks.first_failed_date >= threshold.minimum_days,
        false
    ) as meets_raise,
    streaks.failed_count < threshold.clear_threshold as meets_clear,
    streaks.next_contact_date as changes_on
from positions
join streaks on positions.borrower_id = streaks.borrower_id
cross join threshold
