-- One row per event of a business that a borrower owns or runs.
select
    -- ids
    source.record_id,
    source.business_id,
    source.borrower_id,
    -- codes
    source.event_code,
    source.role_code,
    source.currency,
    source.source_licence,
    source.lawful_basis_code,
    -- dates
    source.event_date,
    -- amounts and rates
    source.registered_capital_amount
from {{ source('public_records', 'public_records__business_registration') }} as source
where {{ in_effect('source', 'public_records__business_registration') }}
