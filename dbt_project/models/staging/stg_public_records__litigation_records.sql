-- One row per event of a court case. A later state of a case is another row.
select
    -- ids
    source.record_id,
    source.case_id,
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
    source.claim_amount
from {{ source('public_records', 'public_records__litigation_record') }} as source
where {{ in_effect('source', 'public_records__litigation_record') }}
