-- One row per touched loan, schedule version that has taken effect, and instalment: since when it has been covered, and
-- on which days it stood unpaid while its version was in force. Oldest instalment first; "covered" leaves at most the
-- tolerance open.
with loans as (
    select * from {{ ref('int_loan_contracts') }}
),

versions as (
    select * from {{ ref('int_schedule_versions') }}
    where is_first or schedule_effective_date <= {{ business_date() }}
),

schedules as (
    select * from {{ ref('stg_core_banking__repayment_schedules') }}
),

payments as (
    select * from {{ ref('int_payments') }}
),

dues as (
    select
        schedules.loan_id,
        schedules.schedule_version,
        schedules.instalment_number,
        schedules.due_date,
        schedules.principal_due_amount,
        schedules.interest_due_amount,
        schedules.fee_due_amount,
        schedules.penalty_due_amount,
        schedules.cumulative_due_amount,
        schedules.cumulative_principal_due_amount,
        schedules.principal_due_amount + schedules.interest_due_amount + schedules.fee_due_amount
        + schedules.penalty_due_amount as due_amount,
        versions.is_first,
        versions.in_force_from,
        versions.in_force_until,
        loans.tolerance_amount,
        -- a cancelled or closed contract owes nothing from its status date on
        case when loans.contract_status in ('CLOSED', 'CANCELLED') then loans.status_date end as ended_date
    from schedules
    join versions
        on schedules.loan_id = versions.loan_id and schedules.schedule_version = versions.schedule_version
    join loans on schedules.loan_id = loans.loan_id
),

-- instalments and payments on one line of money: an instalment is covered by the first payment that lies at or above it
line_of_money as (
    select
        loan_id,
        schedule_version,
        instalment_number,
        null::date as value_date,
        cumulative_due_amount - tolerance_amount as amount
    from dues
    union all
    select
        loan_id,
        schedule_version,
        null as instalment_number,
        value_date,
        kept_amount as amount
    from payments
),

covered as (
    select
        loan_id,
        schedule_version,
        instalment_number,
        min(value_date) over (
            partition by loan_id, schedule_version
            order by amount desc, instalment_number asc nulls first
            rows between unbounded preceding and current row
        ) as covered_date
    from line_of_money
),

coverage as (
    select
        dues.*,
        covered.covered_date,
        dues.due_amount <= dues.tolerance_amount as is_negligible,
        least(covered.covered_date, dues.ended_date, nullif(dues.in_force_until, date '9999-12-31')) as unpaid_until,
        greatest(dues.due_date + 1, dues.in_force_from) as unpaid_from
    from dues
    join covered
        on
            dues.loan_id = covered.loan_id
            and dues.schedule_version = covered.schedule_version
            and dues.instalment_number = covered.instalment_number
)

select
    *,
    -- [unpaid_from, unpaid_until) were days past due; an open end means still
    not is_negligible
    and unpaid_from <= {{ business_date() }}
    and unpaid_from < coalesce(unpaid_until, date '9999-12-31') as was_unpaid,
    coalesce(unpaid_until = covered_date, false) as is_ended_by_payment
from coverage
