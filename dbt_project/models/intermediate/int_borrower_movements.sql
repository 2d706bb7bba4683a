-- One row per account movement that a signal rests on, of borrowers of touched live loans: salaries, failed debits, and
-- the last balance of each account.
with borrowers as (
    select * from {{ ref('int_live_borrowers') }}
),

movements as (
    select * from {{ ref('stg_accounts__account_transactions') }}
),

ranked as (
    select
        movements.*,
        borrowers.lending_since_date,
        movements.balance_after_amount is not null
        and movements.booking_date <= {{ business_date() }}
        and row_number() over (
            partition by
                movements.borrower_id,
                movements.account_number_token,
                movements.balance_after_amount is not null and movements.booking_date <= {{ business_date() }}
            order by movements.booking_date desc, movements.sequence_number desc, movements.account_transaction_id desc
        ) = 1 as is_last_balance
    from borrowers
    join movements on borrowers.borrower_id = movements.borrower_id
)

select
    account_transaction_id,
    borrower_id,
    loan_id,
    lending_since_date,
    booking_date,
    currency,
    movement_code,
    direction_code,
    amount,
    balance_after_amount,
    is_last_balance
from ranked
where
    is_last_balance
    or movement_code in ('SALARY', 'AUTODEBIT_FAILED')
    -- known before its day: it will be the last balance then
    or (booking_date > {{ business_date() }} and balance_after_amount is not null)
