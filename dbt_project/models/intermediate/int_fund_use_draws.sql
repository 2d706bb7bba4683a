-- One row per draw that a touched loan has been paid: for which purpose, to whom, and the account where it arrived.
with contracts as (
    select * from {{ ref('int_loan_contracts') }}
),

disbursements as (
    select * from {{ ref('stg_core_banking__disbursements') }}
),

originations as (
    select * from {{ ref('stg_core_banking__loan_originations') }}
),

movements as (
    select * from {{ ref('int_account_movements') }}
),

draws as (
    select
        contracts.loan_id,
        contracts.borrower_id,
        disbursements.draw_id,
        disbursements.value_date as draw_date,
        disbursements.currency,
        disbursements.draw_amount,
        disbursements.payee_type_code,
        disbursements.payee_account_number_token
    from contracts
    join disbursements on contracts.loan_id = disbursements.loan_id
),

agreements as (
    select
        contracts.loan_id,
        originations.purpose_code,
        originations.payment_mode_code
    from contracts
    join originations on contracts.loan_id = originations.loan_id
),

-- the movement by which the draw came in; the bank may book it some days after
arrivals as (
    select distinct on (draws.draw_id)
        draws.draw_id,
        movements.account_number_token,
        movements.booking_date,
        movements.sequence_number
    from draws
    join movements
        on
            draws.borrower_id = movements.borrower_id
            and draws.loan_id = movements.loan_id
            and draws.currency = movements.currency
            and draws.draw_amount = movements.amount
            and draws.draw_date <= movements.booking_date
            and draws.draw_date + 5 >= movements.booking_date
    where
        movements.movement_code = 'LOAN_DISBURSEMENT'
        and movements.direction_code = 'IN'
        and movements.booking_date <= {{ business_date() }}
    order by draws.draw_id, movements.booking_date, movements.sequence_number, movements.account_transaction_id
)

select
    draws.loan_id,
    draws.borrower_id,
    draws.draw_id,
    draws.draw_date,
    draws.currency,
    draws.draw_amount,
    draws.payee_type_code,
    draws.payee_account_number_token,
    agreements.loan_id is not null as has_origination,
    agreements.purpose_code,
    agreements.payment_mode_code,
    case
        when draws.payee_type_code = 'BORROWER'
            then coalesce(arrivals.account_number_token, draws.payee_account_number_token)
    end as account_number_token,
    coalesce(arrivals.booking_date, draws.draw_date) as arrived_date,
    -- what the account paid earlier on the day of arrival was not paid from the draw
    coalesce(arrivals.sequence_number, -1) as arrived_sequence_number
from draws
left join agreements on draws.loan_id = agreements.loan_id
left join arrivals on draws.draw_id = arrivals.draw_id
where draws.draw_date <= {{ business_date() }}
