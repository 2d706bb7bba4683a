with positions as (
    select * from {{ ref('int_loan_position') }}
),

change_dates as (
    select * from {{ ref('int_change_dates') }}
)

select
    {{ business_date() }} as business_date,
    {{ run_id() }}::text as run_id,
    positions.loan_id,
    positions.borrower_id,
    positions.product_code,
    positions.channel_code,
    positions.branch_code,
    positions.currency,
    positions.timezone,
    positions.repayment_method,
    positions.principal_amount::numeric(18, 2) as principal_amount,
    positions.disbursement_date,
    positions.loan_status,
    positions.exclusion_reason_code,
    positions.is_live,
    positions.schedule_version,
    positions.is_restructured,
    positions.oldest_unpaid_due_date,
    positions.oldest_unpaid_due_date_original_schedule,
    positions.delinquency_bucket,
    positions.past_due_amount::numeric(18, 2) as past_due_amount,
    positions.oldest_unpaid_amount::numeric(18, 2) as oldest_unpaid_amount,
    positions.oldest_unpaid_paid_amount::numeric(18, 2) as oldest_unpaid_paid_amount,
    positions.principal_outstanding_amount::numeric(18, 2) as principal_outstanding_amount,
    positions.paid_to_date_amount::numeric(18, 2) as paid_to_date_amount,
    positions.due_to_date_amount::numeric(18, 2) as due_to_date_amount,
    positions.unapplied_amount::numeric(18, 2) as unapplied_amount,
    positions.last_payment_date,
    positions.next_due_date,
    positions.paid_off_date,
    positions.current_spell_start_date,
    positions.last_cured_date,
    positions.ended_spell_count,
    positions.max_ended_past_due_3m_days,
    positions.max_ended_past_due_6m_days,
    positions.max_ended_past_due_12m_days,
    positions.max_ended_past_due_ever_days,
    positions.is_first_payment_default,
    positions.payment_habit_days,
    positions.payment_habit_code,
    positions.months_on_book_band,
    change_dates.changes_on
from positions
left join change_dates on positions.loan_id = change_dates.loan_id
