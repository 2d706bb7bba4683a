-- One row per touched loan: the earliest later date on which any of its columns moves without an event. A date too many
-- costs one needless computation; a missing one is a wrong list.
with positions as (
    select * from {{ ref('int_loan_position') }}
),

contracts as (
    select * from {{ ref('int_loan_contracts') }}
),

instalments as (
    select * from {{ ref('int_instalments') }}
),

versions as (
    select * from {{ ref('int_schedule_versions') }}
),

transactions as (
    select * from {{ ref('stg_payments__repayment_transactions') }}
),

signals as (
    select * from {{ ref('int_signals') }}
),

source_contracts as (
    select * from {{ ref('stg_core_banking__loan_contracts') }}
),

candidates as (
    -- an instalment falls due, and is past due the day after
    select
        loan_id,
        due_date as change_date
    from instalments
    union all
    select
        loan_id,
        due_date + 1 as change_date
    from instalments
    union all
    -- a payment or a schedule that is known before its date
    select
        contracts.loan_id,
        transactions.value_date as change_date
    from contracts
    join transactions on contracts.loan_id = transactions.loan_id
    where transactions.value_date > {{ business_date() }}
    union all
    select
        loan_id,
        schedule_effective_date as change_date
    from versions
    union all
    -- the contract begins, or ends on a date told beforehand
    select
        loan_id,
        disbursement_date as change_date
    from contracts
    union all
    select
        contracts.loan_id,
        source_contracts.status_date as change_date
    from contracts
    join source_contracts on contracts.loan_id = source_contracts.loan_id
    union all
    -- the next bucket
    select
        positions.loan_id,
        positions.oldest_unpaid_due_date + bucket.from_days as change_date
    from positions
    cross join {{ policy('delinquency_bucket') }} as bucket
    where positions.oldest_unpaid_due_date is not null
    union all
    -- a time past due leaves a look-back window
    select
        instalments.loan_id,
        instalments.unpaid_until - 1 + look_back.rule_value as change_date
    from instalments
    cross join {{ policy('position_rule') }} as look_back
    where
        instalments.was_unpaid
        and instalments.unpaid_until is not null
        and look_back.rule_code like 'look_back_%'
    union all
    -- months on book
    select
        contracts.loan_id,
        (contracts.disbursement_date + make_interval(months => band.from_months))::date as change_date
    from contracts
    cross join {{ policy('months_on_book_band') }} as band
    where contracts.disbursement_date is not null
    union all
    -- the first payment becomes a default
    select
        loan_id,
        unpaid_first_due_date + {{ position_rule('first_payment_default_days') }} as change_date
    from positions
    where unpaid_first_due_date is not null
    union all
    select
        loan_id,
        changes_on as change_date
    from signals
    union all
    -- a window or a term of the fund-use checks ends
    select
        loan_id,
        change_date
    from {{ ref('int_fund_use_change_dates') }}
    union all
    -- a feature moves by time
    select
        loan_id,
        change_date
    from {{ ref('int_feature_change_dates') }}
    union all
    -- something about the borrower moves: every loan of the borrower is computed again
    select
        contracts.loan_id,
        profiles.changes_on as change_date
    from contracts
    join {{ ref('int_borrower_profile') }} as profiles on contracts.borrower_id = profiles.borrower_id
)

select
    loan_id,
    min(change_date) as changes_on
from candidates
where change_date > {{ business_date() }}
group by loan_id
