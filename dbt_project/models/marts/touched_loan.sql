with touched as (
    select * from {{ ref('int_touched_loans') }}
),

positions as (
    select * from {{ ref('int_loan_position') }}
)

select
    {{ business_date() }} as business_date,
    {{ run_id() }}::text as run_id,
    touched.loan_id,
    positions.borrower_id,
    touched.reason_codes,
    touched.is_carried
from touched
left join positions on touched.loan_id = positions.loan_id
