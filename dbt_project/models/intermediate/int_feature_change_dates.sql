-- Days on which a feature of a touched live loan moves without an event: an instalment, a payment or a failed debit
-- leaves its window, a clock passes an edge of its bands. A date too many costs one needless computation.
{{ config(materialized="ephemeral") }}

with live_loans as (
    select
        loan_id,
        borrower_id
    from {{ ref('int_loan_position') }}
    where is_live
),

edges as (
    select
        feature.feature_code,
        ceil(edge.days::numeric)::integer as days
    from {{ policy('feature') }} as feature
    cross join lateral unnest(string_to_array(feature.edges, ';')) as edge (days)
    where feature.feature_code in ('days_past_due', 'late_days_max_ever', 'late_days_max_90d', 'days_since_late')
),

salary_edges as (
    select ceil(edge.days::numeric)::integer as days
    from {{ policy('feature') }} as feature
    cross join lateral unnest(string_to_array(feature.edges, ';')) as edge (days)
    where feature.feature_code = 'days_since_salary'
),

instalments as (
    select
        live_loans.loan_id,
        instalments.due_date,
        instalments.was_unpaid,
        instalments.unpaid_until
    from {{ ref('int_instalments') }} as instalments
    join live_loans on instalments.loan_id = live_loans.loan_id
),

accounts as (
    select least({{ data_as_of('accounts') }}, {{ business_date() }}) as as_of_date
),

movements as (
    select
        live_loans.loan_id,
        movements.movement_code,
        movements.booking_date,
        accounts.as_of_date
    from live_loans
    join {{ ref('stg_accounts__account_transactions') }} as movements on live_loans.borrower_id = movements.borrower_id
    cross join accounts
    where movements.movement_code in ('SALARY', 'AUTODEBIT_FAILED')
)

-- windows of 90 and 180 days since an instalment fell due
select
    instalments.loan_id,
    instalments.due_date + windows.days as change_date
from instalments
cross join (values (90), (180)) as windows (days)
union all
-- an instalment that stands unpaid grows older, and one that was paid late is longer ago
select
    instalments.loan_id,
    instalments.due_date + edges.days as change_date
from instalments
cross join edges
where instalments.was_unpaid and instalments.unpaid_until is null
union all
select
    instalments.loan_id,
    instalments.unpaid_until - 1 + edges.days as change_date
from instalments
cross join edges
where instalments.was_unpaid and instalments.unpaid_until is not null and edges.feature_code = 'days_since_late'
union all
select
    instalments.loan_id,
    instalments.unpaid_until - 1 + 90 as change_date
from instalments
where instalments.was_unpaid and instalments.unpaid_until is not null
union all
-- what was paid leaves the window of 90 days
select
    live_loans.loan_id,
    transactions.value_date + 90 as change_date
from live_loans
join {{ ref('stg_payments__repayment_transactions') }} as transactions on live_loans.loan_id = transactions.loan_id
union all
-- a report dated ahead
select
    live_loans.loan_id,
    reports.pull_date as change_date
from live_loans
join {{ ref('stg_bureau__bureau_reports') }} as reports on live_loans.borrower_id = reports.borrower_id
where reports.pull_date > {{ business_date() }}
union all
-- account movements count as far as the accounts have been delivered
select
    loan_id,
    {{ moves_on(["booking_date", "booking_date + 60"], "as_of_date") }} as change_date
from movements
where movement_code = 'AUTODEBIT_FAILED'
union all
select
    movements.loan_id,
    {{ moves_on(["movements.booking_date", "movements.booking_date + salary_edges.days"], "movements.as_of_date") }}
        as change_date
from movements
cross join salary_edges
where movements.movement_code = 'SALARY'
