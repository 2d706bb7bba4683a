-- One row per touched loan, schedule version and value date: what counts towards that version so far, and how much of
-- it was never taken back. A payment that was reversed later never covered anything.
with versions as (
    select * from {{ ref('int_schedule_versions') }}
),

transactions as (
    select * from {{ ref('stg_payments__repayment_transactions') }}
),

by_date as (
    select
        versions.loan_id,
        versions.schedule_version,
        transactions.value_date,
        sum(transactions.amount) as amount
    from versions
    join transactions
        on
            versions.loan_id = transactions.loan_id
            and versions.in_force_from <= transactions.value_date
            and versions.in_force_until > transactions.value_date
    where transactions.value_date <= {{ business_date() }}
    group by versions.loan_id, versions.schedule_version, transactions.value_date
),

running as (
    select
        loan_id,
        schedule_version,
        value_date,
        amount,
        sum(amount) over (partition by loan_id, schedule_version order by value_date) as paid_amount
    from by_date
)

select
    loan_id,
    schedule_version,
    value_date,
    amount,
    paid_amount,
    min(paid_amount) over (
        partition by loan_id, schedule_version order by value_date rows between current row and unbounded following
    ) as kept_amount
from running
