-- One row per touched loan: its contract, whether a position can be computed, and the tolerance of its currency.
with touched as (
    select loan_id from {{ ref('int_touched_loans') }}
),

contracts as (
    select * from {{ ref('stg_core_banking__loan_contracts') }}
),

schedules as (
    select * from {{ ref('stg_core_banking__repayment_schedules') }}
),

transactions as (
    select * from {{ ref('stg_payments__repayment_transactions') }}
),

tolerances as (
    select * from {{ policy('past_due_tolerance') }} as tolerance
),

scheduled as (
    select distinct schedules.loan_id
    from schedules
    join touched on schedules.loan_id = touched.loan_id
),

paid as (
    select distinct transactions.loan_id
    from transactions
    join touched on transactions.loan_id = touched.loan_id
),

-- a loan that no source mentions any more has no row
known as (
    select touched.loan_id
    from touched
    left join contracts on touched.loan_id = contracts.loan_id
    left join scheduled on touched.loan_id = scheduled.loan_id
    left join paid on touched.loan_id = paid.loan_id
    where contracts.loan_id is not null or scheduled.loan_id is not null or paid.loan_id is not null
)

select
    known.loan_id,
    contracts.borrower_id,
    contracts.product_code,
    contracts.channel_code,
    contracts.branch_code,
    contracts.currency,
    contracts.timezone,
    contracts.repayment_method,
    contracts.principal_amount,
    contracts.disbursement_date,
    contracts.status_date,
    tolerances.tolerance_amount,
    -- a status counts from its own date
    case
        when contracts.status_date <= {{ business_date() }} then contracts.contract_status
        else 'ACTIVE'
    end as contract_status,
    case
        when contracts.loan_id is null then 'NO_CONTRACT'
        when scheduled.loan_id is null then 'NO_SCHEDULE'
        when tolerances.currency is null then 'NO_CURRENCY_POLICY'
    end as exclusion_reason_code
from known
left join contracts on known.loan_id = contracts.loan_id
left join scheduled on known.loan_id = scheduled.loan_id
left join tolerances on contracts.currency = tolerances.currency
