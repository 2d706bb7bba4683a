-- One row per officer and working day: what they can do on it.
select
    -- ids
    source.officer_id,
    source.work_date,
    -- numbers
    source.max_call_count,
    source.max_field_visit_count
from {{ source('workforce', 'workforce__officer_capacity') }} as source
where {{ in_effect('source', 'workforce__officer_capacity') }}
