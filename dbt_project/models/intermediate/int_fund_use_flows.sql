-- One row per draw and movement that is traced to it: where the money went, over the account of arrival (hop 1) and the
-- borrower's other accounts with us (hop 2). A movement that several draws may have paid is shared among them by their
-- size, to the cent; together what is traced to a draw is never more than the draw. What is forbidden is counted
-- first: money has no name, and a suspicion only asks for evidence. But a payment contains no more of the draw than the
-- account can still have held of it: its lowest balance since the arrival, and what came back from whom it was paid to.
with draws as (
    select * from {{ ref('int_fund_use_draws') }}
),

trace_window as (
    select max(detector.window_days) as days from {{ policy('fund_use_detector') }} as detector
),

parties as (
    select * from {{ policy('fund_use_party') }} as party
),

categories as (
    select * from {{ policy('fund_use_mcc') }} as category
),

movements as (
    select
        movements.*,
        case
            -- money that repays a loan of ours has been seen to its end
            when movements.movement_code = 'LOAN_REPAYMENT' then 'SPENT'
            when movements.movement_code = 'CASH' then 'LEFT'
            else coalesce(
                (
                    select min(categories.fate_code)
                    from categories
                    where movements.merchant_category_code between categories.mcc_from and categories.mcc_to
                ),
                parties.fate_code,
                'LEFT'
            )
        end as fate_code
    from {{ ref('int_account_movements') }} as movements
    left join parties on movements.counterparty_class_code = parties.counterparty_class_code
    where
        movements.booking_date <= {{ business_date() }}
        and movements.borrower_id in (select draws.borrower_id from draws)
),

payments as (
    select * from movements
    where direction_code = 'OUT'
),

own_accounts as (
    select distinct
        borrower_id,
        account_number_token
    from {{ ref('int_account_movements') }}
    where booking_date <= {{ business_date() }}
),

-- all that moved on the account since the draw arrived
account_lines as (
    select
        draws.loan_id,
        draws.draw_id,
        draws.borrower_id,
        draws.draw_date,
        draws.draw_amount,
        movements.account_number_token,
        movements.account_transaction_id,
        movements.booking_date,
        movements.sequence_number,
        movements.currency,
        movements.amount,
        movements.balance_after_amount,
        movements.direction_code,
        movements.merchant_category_code,
        movements.counterparty_account_number_token,
        movements.fate_code,
        movements.direction_code = 'IN'
        and movements.movement_code not in ('SALARY', 'INTEREST', 'LOAN_DISBURSEMENT')
        and (
            movements.counterparty_class_code in ('OWN_ACCOUNT', 'NONE')
            or movements.counterparty_account_number_token is null
            or count(*) filter (where movements.direction_code = 'OUT') over (
                partition by draws.draw_id, movements.counterparty_account_number_token
                order by movements.booking_date, movements.sequence_number, movements.account_transaction_id
            ) > 0
        ) as is_return
    from draws
    cross join trace_window
    join movements
        on
            draws.borrower_id = movements.borrower_id
            and draws.account_number_token = movements.account_number_token
            and draws.currency = movements.currency
            and draws.arrived_date <= movements.booking_date
            and draws.draw_date + trace_window.days >= movements.booking_date
            and (
                draws.arrived_date < movements.booking_date
                or draws.arrived_sequence_number < movements.sequence_number
            )
),

account_course as (
    select
        *,
        -- without a balance nothing is known of it
        min(balance_after_amount) over before_it as lowest_balance_amount,
        coalesce(sum(amount) filter (where is_return) over before_it, 0) as returned_amount
    from account_lines
    window
        before_it as (
            partition by draw_id
            order by booking_date, sequence_number, account_transaction_id
            rows between unbounded preceding and 1 preceding
        )
),

first_claims as (
    select
        account_course.*,
        -- another account of the borrower is followed only where it is with us
        case
            when account_course.fate_code = 'OWN' and own_accounts.account_number_token is null then 'LEFT'
            else account_course.fate_code
        end as seen_fate_code,
        account_course.fate_code = 'OWN' as is_own_account,
        sum(account_course.draw_amount) over (partition by account_course.account_transaction_id) as claimed_by_all,
        sum(account_course.draw_amount) over (
            partition by account_course.account_transaction_id
            order by account_course.draw_date, account_course.draw_id
        ) as claimed_so_far
    from account_course
    left join own_accounts
        on
            account_course.borrower_id = own_accounts.borrower_id
            and account_course.counterparty_account_number_token = own_accounts.account_number_token
            and account_course.account_number_token <> own_accounts.account_number_token
    where account_course.direction_code = 'OUT'
),

first_shares as (
    select
        *,
        least(
            round(amount * claimed_so_far / claimed_by_all, 2)
            - round(amount * (claimed_so_far - draw_amount) / claimed_by_all, 2),
            case when lowest_balance_amount is not null then greatest(lowest_balance_amount, 0) + returned_amount end
        ) as share_amount
    from first_claims
),

first_running as (
    select
        *,
        sum(share_amount) over (
            partition by draw_id
            order by
                case seen_fate_code when 'PROHIBITED' then 1 when 'LENDER' then 2 else 3 end,
                booking_date, sequence_number, account_transaction_id
        ) as share_to_here
    from first_shares
),

first_hop as (
    select
        *,
        least(share_to_here, draw_amount) - least(share_to_here - share_amount, draw_amount) as traced_amount
    from first_running
),

moved as (
    select
        loan_id,
        draw_id,
        borrower_id,
        draw_date,
        currency,
        counterparty_account_number_token as account_number_token,
        min(booking_date) as first_moved_date,
        sum(traced_amount) as moved_amount
    from first_hop
    where seen_fate_code = 'OWN' and traced_amount > 0
    group by loan_id, draw_id, borrower_id, draw_date, currency, counterparty_account_number_token
),

second_claims as (
    select
        moved.loan_id,
        moved.draw_id,
        moved.account_number_token,
        moved.moved_amount,
        payments.account_transaction_id,
        payments.booking_date,
        payments.sequence_number,
        payments.amount,
        payments.merchant_category_code,
        payments.counterparty_account_number_token,
        -- a third account is not followed
        case when payments.fate_code = 'OWN' then 'LEFT' else payments.fate_code end as fate_code,
        payments.fate_code = 'OWN' as is_own_account,
        sum(moved.moved_amount) over (partition by payments.account_transaction_id) as claimed_by_all,
        sum(moved.moved_amount) over (
            partition by payments.account_transaction_id order by moved.draw_date, moved.draw_id
        ) as claimed_so_far
    from moved
    cross join trace_window
    join payments
        on
            moved.borrower_id = payments.borrower_id
            and moved.account_number_token = payments.account_number_token
            and moved.currency = payments.currency
            and moved.first_moved_date <= payments.booking_date
            and moved.draw_date + trace_window.days >= payments.booking_date
),

second_shares as (
    select
        *,
        round(amount * claimed_so_far / claimed_by_all, 2)
        - round(amount * (claimed_so_far - moved_amount) / claimed_by_all, 2) as share_amount
    from second_claims
),

second_running as (
    select
        *,
        sum(share_amount) over (
            partition by draw_id, account_number_token
            order by
                case fate_code when 'PROHIBITED' then 1 when 'LENDER' then 2 else 3 end,
                booking_date, sequence_number, account_transaction_id
        ) as share_to_here
    from second_shares
),

second_hop as (
    select
        *,
        least(share_to_here, moved_amount) - least(share_to_here - share_amount, moved_amount) as traced_amount
    from second_running
)

select
    loan_id,
    draw_id,
    1 as hop,
    account_transaction_id,
    booking_date,
    seen_fate_code as fate_code,
    is_own_account,
    merchant_category_code,
    counterparty_account_number_token,
    share_amount,
    traced_amount
from first_hop
where share_amount > 0
union all
select
    loan_id,
    draw_id,
    2 as hop,
    account_transaction_id,
    booking_date,
    fate_code,
    is_own_account,
    merchant_category_code,
    counterparty_account_number_token,
    share_amount,
    traced_amount
from second_hop
where share_amount > 0
