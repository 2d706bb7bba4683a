-- One row per officer, as the workforce system knows them.
select
    -- ids
    source.officer_id,
    source.borrower_id,
    -- codes
    source.role_code,
    source.branch_code,
    source.region_code,
    source.skill_codes,
    source.language_codes,
    -- flags
    source.is_active,
    -- dates
    source.employed_since_date
from {{ source('workforce', 'workforce__officer') }} as source
where {{ in_effect('source', 'workforce__officer') }}
