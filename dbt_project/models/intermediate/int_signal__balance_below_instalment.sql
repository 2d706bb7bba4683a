-- Shortly before an instalment is due the borrower's accounts with us do not hold enough for it. Seen as of the date up
-- to which the account system has delivered: what a late source does not show is not guessed.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

instalments as (
    select * from {{ ref('int_instalments') }}
    where
        in_force_from <= {{ business_date() }}
        and in_force_until > {{ business_date() }}
        and covered_date is null
        and not is_negligible
),

payments as (
    select
        loan_id,
        schedule_version,
        sum(amount) as paid_amount
    from {{ ref('int_payments') }}
    group by loan_id, schedule_version
),

threshold as (
    select
        *,
        {{ data_as_of('accounts') }} as as_of_date,
        {{ signal_parameter('balance_below_instalment', 'window_days') }} as window_days
    from {{ policy('signal') }} as signal
    where signal_code = 'balance_below_instalment'
),

balances as (
    select
        borrower_id,
        currency,
        sum(balance_after_amount) filter (where is_last_balance) as balance_amount,
        max(booking_date) filter (where is_last_balance) as last_booking_date,
        min(booking_date) filter (where booking_date > {{ business_date() }}) as next_booking_date
    from {{ ref('int_borrower_movements') }}
    where balance_after_amount is not null
    group by borrower_id, currency
),

-- of the next instalment what is not paid yet
next_dues as (
    select distinct on (instalments.loan_id)
        instalments.loan_id,
        instalments.due_date,
        least(
            instalments.due_amount,
            instalments.cumulative_due_amount - coalesce(payments.paid_amount, 0)
        ) as needed_amount
    from instalments
    cross join threshold
    left join payments
        on
            instalments.loan_id = payments.loan_id
            and instalments.schedule_version = payments.schedule_version
    where instalments.due_date between threshold.as_of_date and threshold.as_of_date + threshold.window_days
    order by instalments.loan_id asc, instalments.due_date asc, instalments.instalment_number asc
),

-- when the next window opens or this one closes
moves as (
    select
        instalments.loan_id,
        min(
            {{ moves_on(
                ["instalments.due_date - threshold.window_days", "instalments.due_date + 1"],
                "threshold.as_of_date",
            ) }}
        ) as changes_on
    from instalments
    cross join threshold
    group by instalments.loan_id
),

shortfalls as (
    select
        positions.loan_id,
        balances.last_booking_date,
        balances.next_booking_date,
        next_dues.due_date,
        round(
            100 * (next_dues.needed_amount - balances.balance_amount) / nullif(next_dues.needed_amount, 0), 2
        ) as shortfall_percent
    from positions
    join balances on positions.borrower_id = balances.borrower_id and positions.currency = balances.currency
    left join next_dues on positions.loan_id = next_dues.loan_id
)

select
    shortfalls.loan_id,
    threshold.signal_code,
    shortfalls.shortfall_percent as observed_value,
    shortfalls.due_date as observed_date,
    coalesce(shortfalls.shortfall_percent >= threshold.raise_threshold, false) as meets_raise,
    coalesce(shortfalls.shortfall_percent < threshold.clear_threshold, true) as meets_clear,
    least(shortfalls.next_booking_date, moves.changes_on) as changes_on
from shortfalls
left join moves on shortfalls.loan_id = moves.loan_id
cross join threshold
where threshold.as_of_date is not null
