-- One row per borrower of a touched loan that a bureau has spoken of: the latest report, and the one before it of the
-- same bureau. What a report says is a fact of its day; how old it is, is a clock of the view.
{{ config(materialized="ephemeral") }}

with contracts as (
    select * from {{ ref('int_loan_contracts') }}
),

reports as (
    select * from {{ ref('stg_bureau__bureau_reports') }}
    where borrower_id in (select contracts.borrower_id from contracts)
),

tradelines as (
    select * from {{ ref('stg_bureau__bureau_tradelines') }}
    where borrower_id in (select contracts.borrower_id from contracts)
),

others as (
    select
        pull_id,
        borrower_id,
        currency,
        sum(balance_amount) as debt_amount,
        sum(past_due_amount) as past_due_amount
    from tradelines
    where not is_own_lender and account_status_code <> 'CLOSED'
    group by pull_id, borrower_id, currency
),

-- a report without a single account says nothing about other lenders
delinquency as (
    select
        pull_id,
        borrower_id,
        count(*) filter (
            where
            not is_own_lender
            and account_status_code <> 'CLOSED'
            and (days_past_due > 0 or account_status_code = 'CHARGED_OFF')
        )::integer as past_due_count,
        coalesce(max(days_past_due) filter (where not is_own_lender and account_status_code <> 'CLOSED'), 0)
            as past_due_days
    from tradelines
    group by pull_id, borrower_id
),

known as (
    select
        reports.*,
        -- the debt with others, where the accounts were delivered
        case when delinquency.pull_id is not null then coalesce(others.debt_amount, 0) end as other_debt_amount,
        case when delinquency.pull_id is not null then coalesce(others.past_due_amount, 0) end
            as other_past_due_amount,
        delinquency.past_due_count as other_past_due_count,
        delinquency.past_due_days as other_past_due_days,
        row_number() over (
            partition by reports.borrower_id order by reports.pull_date desc, reports.pull_id desc
        ) as recency,
        lead(reports.pull_id) over (
            partition by reports.borrower_id, reports.bureau_code order by reports.pull_date desc, reports.pull_id desc
        ) as previous_pull_id
    from reports
    left join delinquency on reports.pull_id = delinquency.pull_id and reports.borrower_id = delinquency.borrower_id
    left join others
        on
            reports.pull_id = others.pull_id
            and reports.borrower_id = others.borrower_id
            and reports.currency = others.currency
    where reports.pull_date <= {{ business_date() }}
),

-- what was owed to others about the time of the application
near_application as (
    select distinct on (known.borrower_id)
        known.borrower_id,
        known.currency,
        known.other_debt_amount
    from known
    join {{ ref('int_profile_application') }} as applications on known.borrower_id = applications.borrower_id
    where
        known.other_debt_amount is not null
        and known.pull_date between applications.application_date - {{ profile_rule('application_report_days') }}
        and applications.application_date + {{ profile_rule('application_report_days') }}
    order by known.borrower_id asc, abs(known.pull_date - applications.application_date) asc, known.pull_id asc
),

coming as (
    select
        borrower_id,
        min(pull_date) as changes_on
    from reports
    where pull_date > {{ business_date() }}
    group by borrower_id
),

borrowers as (
    select
        borrower_id,
        count(distinct bureau_code) filter (where pull_date <= {{ business_date() }}) as bureau_count
    from reports
    group by borrower_id
)

select
    borrowers.borrower_id,
    borrowers.bureau_count,
    latest.bureau_code,
    latest.pull_date as last_bureau_pull_date,
    latest.currency as bureau_currency,
    latest.bureau_score,
    latest.total_debt_amount,
    latest.other_debt_amount,
    latest.other_past_due_amount,
    latest.other_past_due_count,
    latest.other_past_due_days,
    previous.pull_date as previous_bureau_pull_date,
    previous.bureau_score as previous_bureau_score,
    case when previous.currency = latest.currency then previous.total_debt_amount end as previous_total_debt_amount,
    previous.other_past_due_count as previous_other_past_due_count,
    near_application.currency as near_application_currency,
    near_application.other_debt_amount as near_application_other_debt_amount,
    coming.changes_on
from borrowers
left join known as latest on borrowers.borrower_id = latest.borrower_id and latest.recency = 1
left join known as previous
    on latest.borrower_id = previous.borrower_id and latest.previous_pull_id = previous.pull_id
left join near_application on borrowers.borrower_id = near_application.borrower_id
left join coming on borrowers.borrower_id = coming.borrower_id
