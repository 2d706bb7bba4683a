-- The borrowers of the touched loans, as the run or as the base knows them: who lost a loan is touched too.
with touched as (
    select * from {{ ref('touched_loan') }}
    where business_date = {{ business_date() }} and run_id = {{ run_id() }}
),

known_by_base as (
    select distinct
        source.borrower_id,
        touched.is_carried
    from touched
    join raw.core_banking__loan_contract as source on touched.loan_id = source.loan_id
    where {{ in_effect_in_base('source', 'core_banking__loan_contract') }}
),

borrowers as (
    select
        borrower_id,
        is_carried
    from touched
    where borrower_id is not null
    union all
    select
        borrower_id,
        is_carried
    from known_by_base
)

select
    {{ business_date() }} as business_date,
    {{ run_id() }}::text as run_id,
    borrower_id,
    bool_and(is_carried) as is_carried
from borrowers
group by borrower_id
