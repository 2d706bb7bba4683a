-- One row per loan and measure: both sides, and whether they can be compared. A loan that only one side has is told
-- once, by its principal.
{{ config(materialized="ephemeral") }}

with loans as (
    select * from {{ ref('int_recon_loans') }}
),

scope as (
    select * from {{ policy('recon_scope') }} as scope
),

tolerance as (
    select * from {{ policy('recon_tolerance') }} as tolerance
    where source_code = 'core_loan_balance'
),

sides as (
    select
        loan_id,
        currency,
        loan_status,
        is_ours,
        is_theirs,
        is_unread,
        'principal_outstanding' as measure_code,
        our_principal_amount as our_amount,
        their_principal_amount as their_amount,
        null::date as our_date,
        null::date as their_date
    from loans
    union all
    select
        loan_id,
        currency,
        loan_status,
        is_ours,
        is_theirs,
        is_unread,
        'past_due' as measure_code,
        our_past_due_amount as our_amount,
        their_past_due_amount as their_amount,
        null as our_date,
        null as their_date
    from loans
    union all
    select
        loan_id,
        currency,
        loan_status,
        is_ours,
        is_theirs,
        is_unread,
        'paid_to_date' as measure_code,
        our_paid_to_date_amount as our_amount,
        their_paid_to_date_amount as their_amount,
        null as our_date,
        null as their_date
    from loans
    union all
    select
        loans.loan_id,
        loans.currency,
        loans.loan_status,
        loans.is_ours,
        loans.is_theirs,
        loans.is_unread,
        'oldest_unpaid_due_date' as measure_code,
        null as our_amount,
        null as their_amount,
        -- what a side does not count as past due has no oldest due date either
        case when loans.our_past_due_amount > tolerance.item_tolerance then loans.our_oldest_unpaid_due_date end
            as our_date,
        case when loans.their_past_due_amount > tolerance.item_tolerance then loans.their_oldest_unpaid_due_date end
            as their_date
    from loans
    join tolerance on loans.currency = tolerance.currency and tolerance.measure_code = 'past_due'
)

select
    sides.*,
    tolerance.item_tolerance,
    tolerance.item_tolerance is not null
    and not sides.is_unread
    and (scope.loan_status is not null or not sides.is_ours)
    and (sides.measure_code = 'principal_outstanding' or (sides.is_ours and sides.is_theirs)) as is_compared
from sides
left join scope on sides.loan_status = scope.loan_status and sides.measure_code = scope.measure_code
left join tolerance on sides.currency = tolerance.currency and sides.measure_code = tolerance.measure_code
