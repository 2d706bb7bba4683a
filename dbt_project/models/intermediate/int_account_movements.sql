-- One row per movement of the accounts of the touched loans' borrowers, also those known before their day: read once,
-- used by the tracing of loan money and by the borrower's income.
{{ config(post_hook="create index on {{ this }} (borrower_id, account_number_token)") }}

with contracts as (
    select * from {{ ref('int_loan_contracts') }}
),

movements as (
    select * from {{ ref('stg_accounts__account_transactions') }}
)

select
    account_transaction_id,
    borrower_id,
    loan_id,
    account_number_token,
    counterparty_account_number_token,
    booking_date,
    sequence_number,
    currency,
    amount,
    balance_after_amount,
    direction_code,
    movement_code,
    coalesce(counterparty_class_code, 'NONE') as counterparty_class_code,
    merchant_category_code
from movements
where
    borrower_id in (select contracts.borrower_id from contracts)
    -- a debit that failed moved no money
    and movement_code <> 'AUTODEBIT_FAILED'
    and amount > 0
