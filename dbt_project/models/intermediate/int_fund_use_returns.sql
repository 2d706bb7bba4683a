-- One row per draw and movement by which money comes back from whom the draw was paid to: the seller of an entrusted
-- payment, or a counterparty of the payments traced to the draw. Never more than was paid to that counterparty.
{{ config(materialized="ephemeral") }}

with draws as (
    select * from {{ ref('int_fund_use_draws') }}
),

flows as (
    select * from {{ ref('int_fund_use_flows') }}
),

trace_window as (
    select max(detector.window_days) as days from {{ policy('fund_use_detector') }} as detector
),

paid as (
    select
        draw_id,
        payee_account_number_token as account_token,
        draw_date as first_paid_date,
        draw_amount as paid_amount
    from draws
    where payee_type_code <> 'BORROWER' and payee_account_number_token is not null
    union all
    select
        draw_id,
        counterparty_account_number_token as account_token,
        min(booking_date) as first_paid_date,
        -- all of it: what came back may since have gone where it counts first
        sum(share_amount) as paid_amount
    from flows
    where
        fate_code in ('SPENT', 'LEFT')
        and counterparty_account_number_token is not null
        -- moving money to and fro between own accounts is no round trip over somebody else
        and not is_own_account
    group by draw_id, counterparty_account_number_token
),

running as (
    select
        draws.loan_id,
        draws.draw_id,
        paid.paid_amount,
        movements.account_transaction_id,
        movements.booking_date,
        movements.amount,
        sum(movements.amount) over (
            partition by draws.draw_id, paid.account_token
            order by movements.booking_date, movements.sequence_number, movements.account_transaction_id
        ) as amount_to_here
    from draws
    cross join trace_window
    join paid on draws.draw_id = paid.draw_id
    join {{ ref('int_account_movements') }} as movements
        on
            draws.borrower_id = movements.borrower_id
            and draws.currency = movements.currency
            and paid.account_token = movements.counterparty_account_number_token
            and paid.first_paid_date <= movements.booking_date
            and draws.draw_date + trace_window.days >= movements.booking_date
    where
        movements.direction_code = 'IN'
        -- wages and the draw itself are no return
        and movements.movement_code not in ('SALARY', 'LOAN_DISBURSEMENT', 'INTEREST')
        and movements.booking_date <= {{ business_date() }}
)

select
    loan_id,
    draw_id,
    account_transaction_id,
    booking_date,
    least(amount_to_here, paid_amount) - least(amount_to_here - amount, paid_amount) as returned_amount
from running
where amount_to_here - amount < paid_amount
