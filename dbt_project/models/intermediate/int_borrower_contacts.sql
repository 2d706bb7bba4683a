-- One row per attempt to reach a borrower of a touched live loan, and per revisit: whether it reached the borrower, and
-- what the borrower said. A message is no attempt, and an answer of nobody knows whom is neither.
with borrowers as (
    select * from {{ ref('int_live_borrowers') }}
),

contacts as (
    select
        *,
        -- whoever answers and refuses to talk has been reached
        coalesce(party_code, 'SELF') = 'SELF' and outcome_code in ('REACHED', 'REFUSED') as is_reached
    from {{ ref('stg_contact_center__contact_events') }}
),

visits as (
    select * from {{ ref('stg_contact_center__revisit_outcomes') }}
)

select
    contacts.borrower_id,
    borrowers.lending_since_date,
    contacts.contact_date,
    contacts.started_at,
    contacts.is_reached,
    not contacts.is_inbound
    and contacts.channel_code in ('PHONE', 'VIDEO', 'FIELD', 'AI_CALL')
    and (
        contacts.outcome_code in (
            'NO_ANSWER', 'BUSY', 'POWERED_OFF', 'INVALID_NUMBER', 'VOICEMAIL', 'NOT_AT_HOME', 'WRONG_PERSON'
        )
        or coalesce(contacts.party_code = 'THIRD_PARTY', false)
    ) as is_failed_attempt,
    false as is_hardship_claimed,
    null::numeric(18, 2) as stated_monthly_income_amount
from borrowers
join contacts on borrowers.borrower_id = contacts.borrower_id
union all
select
    visits.borrower_id,
    borrowers.lending_since_date,
    visits.visit_date as contact_date,
    -- the hour is not delivered: after every attempt of the day
    'infinity'::timestamptz as started_at,
    visits.is_right_party as is_reached,
    false as is_failed_attempt,
    visits.is_right_party and visits.is_hardship_claimed as is_hardship_claimed,
    case when visits.is_right_party then visits.stated_monthly_income_amount end as stated_monthly_income_amount
from borrowers
join visits on borrowers.borrower_id = visits.borrower_id
