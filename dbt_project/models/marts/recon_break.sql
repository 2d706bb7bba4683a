-- The whole list every day. Where a source did not speak for the day its breaks stay as they were last seen: nobody has
-- shown that they are gone. When a break was first seen comes from the base publication.
with differences as (
    select
        *,
        {{ business_date() }} as compared_date
    from {{ ref('int_recon_differences') }}
),

of_base as (
    select * from {{ this }}
    where business_date = {{ base_business_date() }} and run_id = {{ base_run_id() }}
),

carried as (
    select
        of_base.source_code,
        of_base.subject_id,
        of_base.measure_code,
        of_base.currency,
        of_base.our_amount,
        of_base.their_amount,
        of_base.our_date,
        of_base.their_date,
        of_base.compared_date
    from of_base
    join {{ ref('int_recon_sources') }} as source on of_base.source_code = source.source_code
    where source.status_code <> 'COMPARED'
),

breaks as (
    select * from differences
    union all
    select * from carried
),

tolerance as (
    select * from {{ policy('recon_tolerance') }} as tolerance
),

-- of two policy rows about one break the wider one counts
known as (
    select distinct on (known.source_code, known.subject_id, known.measure_code, known.currency) known.*
    from {{ policy('recon_known_break') }} as known
    order by
        known.source_code asc,
        known.subject_id asc,
        known.measure_code asc,
        known.currency asc,
        known.up_to_amount desc,
        known.known_break_id asc
)

select
    {{ business_date() }} as business_date,
    {{ run_id() }}::text as run_id,
    breaks.source_code::text as source_code,
    breaks.subject_id,
    breaks.measure_code::text as measure_code,
    breaks.currency,
    breaks.our_amount::numeric(18, 2) as our_amount,
    breaks.their_amount::numeric(18, 2) as their_amount,
    case
        when breaks.measure_code <> 'oldest_unpaid_due_date'
            then coalesce(breaks.our_amount, 0) - coalesce(breaks.their_amount, 0)
    end::numeric(18, 2) as difference_amount,
    breaks.our_date,
    breaks.their_date,
    breaks.our_date - breaks.their_date as difference_days,
    coalesce(of_base.first_seen_date, {{ business_date() }}) as first_seen_date,
    breaks.compared_date,
    coalesce(known.owner_code, tolerance.owner_code) as owner_code,
    known.known_break_id,
    known.valid_to as known_until_date
from breaks
left join of_base
    on
        breaks.source_code = of_base.source_code
        and breaks.subject_id = of_base.subject_id
        and breaks.measure_code = of_base.measure_code
        and breaks.currency = of_base.currency
left join tolerance
    on
        breaks.source_code = tolerance.source_code
        and breaks.measure_code = tolerance.measure_code
        and breaks.currency = tolerance.currency
left join known
    on
        breaks.source_code = known.source_code
        and breaks.subject_id = known.subject_id
        and breaks.measure_code = known.measure_code
        and breaks.currency = known.currency
        and (
            breaks.measure_code = 'oldest_unpaid_due_date'
            or abs(coalesce(breaks.our_amount, 0) - coalesce(breaks.their_amount, 0)) <= known.up_to_amount
        )
