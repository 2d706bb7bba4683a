-- One row per borrower of a touched loan that anybody tried to reach: the last time the borrower was reached in person,
-- and how many attempts in a row have failed since. A message is no attempt; whoever answers and refuses to talk was
-- reached.
{{ config(materialized="ephemeral") }}

with contracts as (
    select * from {{ ref('int_loan_contracts') }}
),

contacts as (
    select * from {{ ref('stg_contact_center__contact_events') }}
),

visits as (
    select * from {{ ref('stg_contact_center__revisit_outcomes') }}
),

attempts as (
    select
        borrower_id,
        contact_date,
        started_at,
        coalesce(party_code, 'SELF') = 'SELF' and outcome_code in ('REACHED', 'REFUSED') as is_reached,
        not is_inbound and channel_code in ('PHONE', 'VIDEO', 'FIELD', 'AI_CALL') as is_attempt
    from contacts
    where borrower_id in (select contracts.borrower_id from contracts)
    union all
    select
        borrower_id,
        visit_date as contact_date,
        -- the hour is not delivered: after every attempt of the day
        'infinity'::timestamptz as started_at,
        is_right_party as is_reached,
        false as is_attempt
    from visits
    where borrower_id in (select contracts.borrower_id from contracts)
),

reached as (
    select distinct on (borrower_id)
        borrower_id,
        contact_date,
        started_at
    from attempts
    where is_reached and contact_date <= {{ business_date() }}
    order by borrower_id asc, contact_date desc, started_at desc
)

select
    attempts.borrower_id,
    max(reached.contact_date) as last_right_party_contact_date,
    max(attempts.contact_date) filter (
        where (attempts.is_attempt or attempts.is_reached) and attempts.contact_date <= {{ business_date() }}
    ) as last_attempt_date,
    count(*) filter (
        where
        attempts.is_attempt
        and not attempts.is_reached
        and attempts.contact_date <= {{ business_date() }}
        and (
            reached.borrower_id is null
            or (attempts.contact_date, attempts.started_at) > (reached.contact_date, reached.started_at)
        )
    )::integer as failed_attempt_count,
    min(attempts.contact_date) filter (where attempts.contact_date > {{ business_date() }}) as changes_on
from attempts
left join reached on attempts.borrower_id = reached.borrower_id
group by attempts.borrower_id
