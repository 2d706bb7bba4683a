-- One row per officer, as the workforce system knows them.
with source as (
    select * from {{ source('workforce', 'workforce__officer') }}
),

in_effect as (
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
    from source
    where {{ in_effect('source', 'workforce__officer') }}
)

select * from in_effect
