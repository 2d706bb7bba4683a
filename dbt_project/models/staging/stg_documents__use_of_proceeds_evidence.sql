-- One row per paper that shows what the money was spent on.
select
    -- ids
    source.evidence_id,
    source.loan_id,
    source.draw_id,
    -- codes
    source.evidence_type_code,
    source.currency,
    source.verification_code,
    -- dates
    source.received_date,
    -- amounts and rates
    source.evidence_amount
from {{ source('documents', 'documents__use_of_proceeds_evidence') }} as source
where {{ in_effect('source', 'documents__use_of_proceeds_evidence') }}
