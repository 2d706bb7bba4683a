-- One row per borrower of a touched loan: what payroll, social insurance, tax and the salary on our accounts say of the
-- income. Old evidence is compared with nothing; the day on which it grows too old is known beforehand.
{{ config(materialized="ephemeral") }}

with contracts as (
    select * from {{ ref('int_loan_contracts') }}
),

refreshes as (
    select * from {{ ref('stg_customer__income_employment_refreshes') }}
    where borrower_id in (select contracts.borrower_id from contracts)
),

salaries as (
    select * from {{ ref('int_account_movements') }}
    where movement_code = 'SALARY' and direction_code = 'IN'
),

amounts as (
    select
        *,
        row_number() over (partition by borrower_id order by observed_date desc, refresh_id desc) as recency,
        row_number() over (partition by borrower_id, evidence_code order by observed_date desc, refresh_id desc)
            as recency_of_kind,
        lead(monthly_income_amount) over (
            partition by borrower_id, evidence_code, currency order by observed_date desc, refresh_id desc
        ) as previous_amount
    from refreshes
    where monthly_income_amount is not null and observed_date <= {{ business_date() }}
),

by_kind as (
    select
        borrower_id,
        evidence_code,
        currency,
        monthly_income_amount,
        observed_date + {{ profile_rule('income_valid_days') }} as valid_until_date
    from amounts
    where recency_of_kind = 1 and evidence_code <> 'SELF_STATED'
),

last_salaries as (
    select
        borrower_id,
        currency,
        max(booking_date) as last_salary_date
    from salaries
    where booking_date <= {{ business_date() }}
    group by borrower_id, currency
),

salary_months as (
    select
        last_salaries.borrower_id,
        last_salaries.currency,
        last_salaries.last_salary_date,
        date_trunc('month', salaries.booking_date::timestamp)::date as month_date,
        sum(salaries.amount) as month_amount
    from last_salaries
    join salaries on last_salaries.borrower_id = salaries.borrower_id and last_salaries.currency = salaries.currency
    where
        salaries.booking_date <= last_salaries.last_salary_date
        and salaries.booking_date > last_salaries.last_salary_date - {{ profile_rule('salary_window_days') }}
    group by
        last_salaries.borrower_id, last_salaries.currency, last_salaries.last_salary_date,
        date_trunc('month', salaries.booking_date::timestamp)::date
),

-- the median month: a bonus or a month cut short decides nothing
median_months as (
    select
        borrower_id,
        currency,
        last_salary_date,
        percentile_disc(0.5) within group (order by month_amount) as month_amount
    from salary_months
    group by borrower_id, currency, last_salary_date
),

salary as (
    select distinct on (borrower_id) *
    from median_months
    order by borrower_id asc, last_salary_date desc, currency asc
),

sources as (
    select
        borrower_id,
        evidence_code as source_code,
        currency,
        monthly_income_amount,
        valid_until_date
    from by_kind
    union all
    select
        borrower_id,
        'SALARY' as source_code,
        currency,
        month_amount as monthly_income_amount,
        last_salary_date + {{ profile_rule('income_valid_days') }} as valid_until_date
    from salary
),

valid_sources as (
    select
        borrower_id,
        max(monthly_income_amount) filter (where source_code = 'PAYROLL') as payroll_amount,
        max(currency) filter (where source_code = 'PAYROLL') as payroll_currency,
        max(monthly_income_amount) filter (where source_code = 'SOCIAL_INSURANCE') as social_insurance_amount,
        max(currency) filter (where source_code = 'SOCIAL_INSURANCE') as social_insurance_currency,
        max(monthly_income_amount) filter (where source_code = 'TAX') as tax_amount,
        max(currency) filter (where source_code = 'TAX') as tax_currency,
        max(monthly_income_amount) filter (where source_code = 'SALARY') as salary_amount,
        max(currency) filter (where source_code = 'SALARY') as salary_currency,
        min(valid_until_date) + 1 as changes_on
    from sources
    where valid_until_date >= {{ business_date() }}
    group by borrower_id
),

work as (
    select
        borrower_id,
        (
            array_agg(social_insurance_code order by observed_date desc, refresh_id desc)
            filter (where social_insurance_code is not null and observed_date <= {{ business_date() }})
        )[1
        ] as social_insurance_code,
        max(observed_date) filter (where has_employer_changed and observed_date <= {{ business_date() }})
            as last_employer_change_date,
        min(observed_date) filter (where observed_date > {{ business_date() }}) as changes_on
    from refreshes
    group by borrower_id
),

coming_salaries as (
    select
        borrower_id,
        min(booking_date) as changes_on
    from salaries
    where booking_date > {{ business_date() }}
    group by borrower_id
),

borrowers as (
    select borrower_id from refreshes
    union
    select borrower_id from salaries
)

select
    borrowers.borrower_id,
    latest.evidence_code as last_income_evidence_code,
    latest.observed_date as last_income_date,
    latest.currency as income_currency,
    latest.monthly_income_amount,
    latest.previous_amount as previous_monthly_income_amount,
    salary.last_salary_date,
    salary.currency as salary_currency,
    salary.month_amount as salary_monthly_amount,
    valid_sources.payroll_amount,
    valid_sources.payroll_currency,
    valid_sources.social_insurance_amount,
    valid_sources.social_insurance_currency,
    valid_sources.tax_amount,
    valid_sources.tax_currency,
    valid_sources.salary_amount as valid_salary_amount,
    valid_sources.salary_currency as valid_salary_currency,
    work.social_insurance_code,
    work.last_employer_change_date,
    least(valid_sources.changes_on, work.changes_on, coming_salaries.changes_on) as changes_on
from borrowers
left join amounts as latest on borrowers.borrower_id = latest.borrower_id and latest.recency = 1
left join salary on borrowers.borrower_id = salary.borrower_id
left join valid_sources on borrowers.borrower_id = valid_sources.borrower_id
left join work on borrowers.borrower_id = work.borrower_id
left join coming_salaries on borrowers.borrower_id = coming_salaries.borrower_id
