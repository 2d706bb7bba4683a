-- One row per touched loan: contract, arrears and history together, with the status that follows from them.
{{ config(post_hook="create index on {{ this }} (loan_id)") }}

with contracts as (
    select * from {{ ref('int_loan_contracts') }}
),

arrears as (
    select * from {{ ref('int_loan_arrears') }}
),

history as (
    select * from {{ ref('int_loan_history') }}
),

restructures as (
    select distinct loan_id
    from {{ ref('int_schedule_versions') }}
    where version_reason_code = 'RESTRUCTURE' and schedule_effective_date <= {{ business_date() }}
),

buckets as (
    select
        delinquency_bucket,
        from_days,
        coalesce(lead(from_days) over (order by from_days), 100000) as until_days
    from {{ policy('delinquency_bucket') }} as bucket
),

bands as (
    select * from {{ policy('months_on_book_band') }} as band
),

status as (
    select
        contracts.*,
        case
            when contracts.exclusion_reason_code is not null then 'EXCLUDED'
            when contracts.contract_status in ('CANCELLED', 'SOLD', 'CHARGED_OFF') then contracts.contract_status
            when contracts.disbursement_date > {{ business_date() }} then 'PENDING'
            when arrears.paid_off_date is not null then 'PAID_OFF'
            else contracts.contract_status
        end as loan_status
    from contracts
    left join arrears on contracts.loan_id = arrears.loan_id
)

select
    status.loan_id,
    status.borrower_id,
    status.product_code,
    status.channel_code,
    status.branch_code,
    status.currency,
    status.timezone,
    status.repayment_method,
    status.principal_amount,
    status.disbursement_date,
    status.loan_status,
    status.exclusion_reason_code,
    status.loan_status = 'ACTIVE' as is_live,
    arrears.schedule_version,
    restructures.loan_id is not null as is_restructured,
    arrears.oldest_unpaid_due_date,
    arrears.oldest_unpaid_due_date_original_schedule,
    coalesce(buckets.delinquency_bucket, 'CURRENT') as delinquency_bucket,
    coalesce(arrears.past_due_amount, 0) as past_due_amount,
    coalesce(arrears.oldest_unpaid_amount, 0) as oldest_unpaid_amount,
    coalesce(arrears.oldest_unpaid_paid_amount, 0) as oldest_unpaid_paid_amount,
    -- what the tolerance leaves open is not outstanding any more
    case
        when status.loan_status in ('PAID_OFF', 'CLOSED', 'CANCELLED', 'PENDING') then 0
        else coalesce(arrears.principal_outstanding_amount, 0)
    end as principal_outstanding_amount,
    coalesce(arrears.paid_to_date_amount, 0) as paid_to_date_amount,
    coalesce(arrears.due_to_date_amount, 0) as due_to_date_amount,
    coalesce(arrears.unapplied_amount, 0) as unapplied_amount,
    history.last_payment_date,
    arrears.next_due_date,
    arrears.paid_off_date,
    history.current_spell_start_date,
    history.last_cured_date,
    history.last_cured_spell_days,
    coalesce(history.ended_spell_count, 0) as ended_spell_count,
    coalesce(history.max_ended_past_due_3m_days, 0) as max_ended_past_due_3m_days,
    coalesce(history.max_ended_past_due_6m_days, 0) as max_ended_past_due_6m_days,
    coalesce(history.max_ended_past_due_12m_days, 0) as max_ended_past_due_12m_days,
    coalesce(history.max_ended_past_due_ever_days, 0) as max_ended_past_due_ever_days,
    coalesce(history.is_first_payment_default, false) as is_first_payment_default,
    history.unpaid_first_due_date,
    history.payment_habit_days,
    coalesce(history.payment_habit_code, 'UNKNOWN') as payment_habit_code,
    coalesce(
        (
            select bands.months_on_book_band
            from bands
            where (status.disbursement_date + make_interval(months => bands.from_months))::date <= {{ business_date() }}
            order by bands.from_months desc
            limit 1
        ),
        'NOT_YET'
    ) as months_on_book_band
from status
left join arrears on status.loan_id = arrears.loan_id
left join history on status.loan_id = history.loan_id
left join restructures on status.loan_id = restructures.loan_id
left join buckets
    on
        {{ business_date() }} - arrears.oldest_unpaid_due_date >= buckets.from_days
        and {{ business_date() }} - arrears.oldest_unpaid_due_date < buckets.until_days
