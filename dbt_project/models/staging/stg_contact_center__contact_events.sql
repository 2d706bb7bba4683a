-- One row per attempt to reach a borrower.
select
    -- ids
    source.contact_id,
    source.borrower_id,
    source.loan_id,
    source.agent_id,
    source.consent_id,
    -- codes
    source.purpose_code,
    source.channel_code,
    source.party_code,
    source.outcome_code,
    -- personal data: tokens and masked forms
    source.dialled_phone_token,
    source.dialled_phone_masked,
    -- flags
    source.is_inbound,
    source.is_connected,
    -- dates
    source.contact_date,
    source.started_at,
    -- numbers
    source.duration_seconds
from {{ source('contact_center', 'contact_center__contact_event') }} as source
where {{ in_effect('source', 'contact_center__contact_event') }}
