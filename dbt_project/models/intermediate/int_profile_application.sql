-- One row per borrower of a touched loan: what the latest application stated, that of a live loan before that of an
-- ended one.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where borrower_id is not null
),

originations as (
    select * from {{ ref('stg_core_banking__loan_originations') }}
),

applications as (
    select
        positions.borrower_id,
        positions.loan_id,
        positions.is_live,
        positions.currency,
        positions.principal_amount,
        originations.application_date,
        originations.application_bureau_score,
        originations.application_monthly_income_amount,
        originations.application_total_debt_amount,
        originations.application_occupation_code,
        originations.application_region_code,
        min(originations.application_date) filter (where originations.application_date > {{ business_date() }})
            over (partition by positions.borrower_id) as changes_on
    from positions
    join originations on positions.loan_id = originations.loan_id
)

select distinct on (borrower_id)
    borrower_id,
    currency as application_currency,
    principal_amount as application_principal_amount,
    application_date,
    application_bureau_score,
    application_monthly_income_amount,
    application_total_debt_amount,
    application_occupation_code,
    application_region_code,
    changes_on
from applications
order by
    borrower_id asc, application_date <= {{ business_date() }} desc, is_live desc, application_date desc, loan_id desc
