-- One row per loan and currency: what readers would see of it, beside what the core system holds. Every loan, whoever
-- computed it: a balance may be wrong on a loan that nothing touched. Reads the candidate as the audits do. Empty on a
-- day for which nobody delivered balances.
-- depends_on: {{ ref('loan_position') }}
-- depends_on: {{ ref('touched_loan') }}
with sources as (
    select * from {{ ref('int_recon_sources') }}
),

is_compared as (
    select
        bool_or(source_code = 'core_loan_balance' and status_code = 'COMPARED') as is_compared,
        bool_or(status_code = 'COMPARED') as is_any_compared
    from sources
),

positions as (
    select
        loan_id,
        currency,
        product_code,
        branch_code,
        loan_status,
        principal_outstanding_amount,
        past_due_amount,
        paid_to_date_amount,
        oldest_unpaid_due_date
    from {{ source('candidate', 'loan_position') }}
    where
        -- without a contract there is no currency and nothing to compare
        currency is not null
        and (select is_compared.is_any_compared from is_compared)
),

-- balances of other dates say nothing about this one
balances as (
    select balance.*
    from {{ ref('stg_core_banking__core_loan_balances') }} as balance
    where (select is_compared.is_compared from is_compared)
),

-- the core spoke for the day, and nobody could read what it said of these loans
unread as (
    select distinct refused.subject_id as loan_id
    from quarantine.rows as refused
    join ops.load_batch as batch on refused.batch_id = batch.batch_id
    join ops.run_input as input on refused.batch_id = input.batch_id and input.run_id = {{ run_id() }}
    where
        refused.table_name = 'core_loan_balance'
        and batch.business_date = {{ business_date() }}
        and refused.subject_id is not null
        and not exists (
            select 1
            from ops.load_batch as released
            join ops.run_input as pinned on released.batch_id = pinned.batch_id and pinned.run_id = {{ run_id() }}
            join raw.core_banking__core_loan_balance as row_again on released.batch_id = row_again._batch_id
            where
                released.caused_by_batch_id = refused.batch_id
                and released.part = 'released'
                and row_again.loan_id = refused.subject_id
        )
)

select
    coalesce(positions.loan_id, balances.loan_id) as loan_id,
    coalesce(positions.currency, balances.currency) as currency,
    positions.product_code,
    positions.branch_code,
    coalesce(positions.loan_status, 'UNKNOWN') as loan_status,
    positions.loan_id is not null as is_ours,
    balances.loan_id is not null as is_theirs,
    unread.loan_id is not null as is_unread,
    positions.principal_outstanding_amount as our_principal_amount,
    balances.principal_outstanding_amount as their_principal_amount,
    positions.past_due_amount as our_past_due_amount,
    balances.past_due_amount as their_past_due_amount,
    positions.paid_to_date_amount as our_paid_to_date_amount,
    balances.paid_to_date_amount as their_paid_to_date_amount,
    positions.oldest_unpaid_due_date as our_oldest_unpaid_due_date,
    balances.oldest_unpaid_due_date as their_oldest_unpaid_due_date
from positions
full join balances on positions.loan_id = balances.loan_id and positions.currency = balances.currency
left join unread on coalesce(positions.loan_id, balances.loan_id) = unread.loan_id
