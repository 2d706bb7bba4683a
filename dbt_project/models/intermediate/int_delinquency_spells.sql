-- One row per touched loan and time past due: instalments that stood unpaid without a day between them. A new schedule
-- ends it without curing it.
with instalments as (
    select * from {{ ref('int_instalments') }}
    where was_unpaid
),

ordered as (
    select
        loan_id,
        unpaid_from,
        coalesce(unpaid_until, date '9999-12-31') as unpaid_until,
        is_ended_by_payment,
        max(coalesce(unpaid_until, date '9999-12-31')) over (
            partition by loan_id order by unpaid_from, coalesce(unpaid_until, date '9999-12-31')
            rows between unbounded preceding and 1 preceding
        ) as unpaid_until_before
    from instalments
),

numbered as (
    select
        *,
        count(*) filter (where unpaid_until_before is null or unpaid_from > unpaid_until_before) over (
            partition by loan_id order by unpaid_from, unpaid_until rows unbounded preceding
        ) as spell_number
    from ordered
),

spells as (
    select
        loan_id,
        spell_number,
        min(unpaid_from) as start_date,
        max(unpaid_until) as end_date
    from numbered
    group by loan_id, spell_number
)

select
    spells.loan_id,
    spells.spell_number,
    spells.start_date,
    nullif(spells.end_date, date '9999-12-31') as end_date,
    bool_and(numbered.is_ended_by_payment) filter (where numbered.unpaid_until = spells.end_date) as is_cured
from spells
join numbered on spells.loan_id = numbered.loan_id and spells.spell_number = numbered.spell_number
group by spells.loan_id, spells.spell_number, spells.start_date, spells.end_date
