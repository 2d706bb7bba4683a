-- One row per statement about the income of a borrower of a touched live loan, whoever made it.
{{ config(materialized="ephemeral") }}

with borrowers as (
    select * from {{ ref('int_live_borrowers') }}
),

refreshes as (
    select * from {{ ref('stg_customer__income_employment_refreshes') }}
),

customers as (
    select * from {{ ref('stg_customer__borrowers') }}
),

contacts as (
    select * from {{ ref('int_borrower_contacts') }}
)

select
    borrowers.borrower_id,
    borrowers.lending_since_date,
    'REFRESH' as origin_code,
    refreshes.refresh_id,
    refreshes.evidence_code,
    refreshes.observed_date,
    refreshes.currency,
    refreshes.monthly_income_amount
from borrowers
join refreshes on borrowers.borrower_id = refreshes.borrower_id
where refreshes.monthly_income_amount is not null
union all
select
    borrowers.borrower_id,
    borrowers.lending_since_date,
    'DECLARED' as origin_code,
    null as refresh_id,
    null as evidence_code,
    customers.income_stated_date as observed_date,
    null as currency,
    customers.declared_monthly_income_amount as monthly_income_amount
from borrowers
join customers on borrowers.borrower_id = customers.borrower_id
where customers.income_stated_date is not null and customers.declared_monthly_income_amount is not null
union all
select
    borrower_id,
    lending_since_date,
    'APPLICATION' as origin_code,
    null as refresh_id,
    null as evidence_code,
    application_date as observed_date,
    application_currency as currency,
    application_monthly_income_amount as monthly_income_amount
from borrowers
where application_monthly_income_amount is not null
union all
select
    borrower_id,
    lending_since_date,
    'VISIT' as origin_code,
    null as refresh_id,
    null as evidence_code,
    contact_date as observed_date,
    null as currency,
    stated_monthly_income_amount as monthly_income_amount
from contacts
where stated_monthly_income_amount is not null
