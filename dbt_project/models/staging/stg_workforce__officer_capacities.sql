-- One row per officer and working day: what they can do on it.
with source as (
    select * from {{ source('workforce', 'workforce__officer_capacity') }}
),

in_effect as (
    select
        -- ids
        source.officer_id,
        source.work_date,
        -- numbers
        source.max_call_count,
        source.max_field_visit_count
    from source
    where {{ in_effect('source', 'workforce__officer_capacity') }}
)

select * from in_effect
