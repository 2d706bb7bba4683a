-- One row per borrower of a touched live loan: since when we lend, and what the latest application stated.
with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live and borrower_id is not null
),

originations as (
    select * from {{ ref('stg_core_banking__loan_originations') }}
),

borrowers as (
    select
        borrower_id,
        min(disbursement_date) as lending_since_date
    from positions
    group by borrower_id
),

applications as (
    select distinct on (positions.borrower_id)
        positions.borrower_id,
        positions.currency,
        positions.principal_amount,
        originations.application_date,
        originations.application_bureau_score,
        originations.application_monthly_income_amount,
        originations.application_total_debt_amount
    from positions
    join originations on positions.loan_id = originations.loan_id
    order by positions.borrower_id asc, originations.application_date desc, positions.loan_id desc
)

select
    borrowers.borrower_id,
    borrowers.lending_since_date,
    applications.currency as application_currency,
    applications.principal_amount as application_principal_amount,
    applications.application_date,
    applications.application_bureau_score,
    applications.application_monthly_income_amount,
    applications.application_total_debt_amount
from borrowers
left join applications on borrowers.borrower_id = applications.borrower_id
