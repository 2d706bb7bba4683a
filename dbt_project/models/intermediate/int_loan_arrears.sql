-- One row per touched loan with a schedule: what is due and unpaid by the schedule in force, and by the first one.
with instalments as (
    select * from {{ ref('int_instalments') }}
),

payments as (
    select * from {{ ref('int_payments') }}
),

-- which components of an instalment a payment reaches before principal
component_ranks as (
    select
        bool_or(component = 'FEE' and allocation_rank < principal_rank) as is_fee_first,
        bool_or(component = 'PENALTY' and allocation_rank < principal_rank) as is_penalty_first,
        bool_or(component = 'INTEREST' and allocation_rank < principal_rank) as is_interest_first
    from (
        select
            component,
            allocation_rank,
            max(case when component = 'PRINCIPAL' then allocation_rank end) over () as principal_rank
        from {{ policy('allocation_order') }} as allocation
    ) as ranked
),

in_force as (
    select
        loan_id,
        max(schedule_version) as schedule_version
    from instalments
    where in_force_until > {{ business_date() }}
    group by loan_id
),

paid_by_version as (
    select
        loan_id,
        schedule_version,
        sum(amount) as paid_amount
    from payments
    group by loan_id, schedule_version
),

paid as (
    select
        in_force.loan_id,
        in_force.schedule_version,
        coalesce(sum(paid_by_version.paid_amount), 0) as paid_to_date_amount,
        coalesce(
            sum(paid_by_version.paid_amount)
            filter (where paid_by_version.schedule_version = in_force.schedule_version),
            0
        ) as paid_amount
    from in_force
    left join paid_by_version on in_force.loan_id = paid_by_version.loan_id
    group by in_force.loan_id, in_force.schedule_version
),

current_instalments as (
    select
        instalments.*,
        paid.paid_amount,
        least(
            instalments.due_amount, greatest(instalments.cumulative_due_amount - paid.paid_amount, 0)
        ) as unpaid_amount,
        -- what stands before principal inside the instalment
        case when component_ranks.is_fee_first then instalments.fee_due_amount else 0 end
        + case when component_ranks.is_penalty_first then instalments.penalty_due_amount else 0 end
        + case when component_ranks.is_interest_first then instalments.interest_due_amount else 0 end
            as ahead_of_principal_amount
    from instalments
    join paid
        on instalments.loan_id = paid.loan_id and instalments.schedule_version = paid.schedule_version
    cross join component_ranks
),

by_current_schedule as (
    select
        loan_id,
        schedule_version,
        min(due_date) filter (where due_date < {{ business_date() }} and was_unpaid and unpaid_until is null)
            as oldest_unpaid_due_date,
        sum(unpaid_amount) filter (where due_date < {{ business_date() }}) as unpaid_before_today_amount,
        sum(due_amount) filter (where due_date <= {{ business_date() }}) as due_to_date_amount,
        sum(due_amount) as scheduled_amount,
        sum(principal_due_amount)
        - sum(
            least(
                principal_due_amount,
                greatest(due_amount - unpaid_amount - ahead_of_principal_amount, 0)
            )
        ) as principal_outstanding_amount,
        min(due_date) filter (where due_date > {{ business_date() }} and not is_negligible) as next_due_date,
        bool_and(is_negligible or covered_date is not null) as is_all_covered,
        max(covered_date) filter (where not is_negligible) as all_covered_date
    from current_instalments
    group by loan_id, schedule_version
),

oldest as (
    select distinct on (current_instalments.loan_id)
        current_instalments.loan_id,
        current_instalments.unpaid_amount,
        current_instalments.due_amount - current_instalments.unpaid_amount as paid_amount
    from current_instalments
    join by_current_schedule
        on
            current_instalments.loan_id = by_current_schedule.loan_id
            and current_instalments.due_date = by_current_schedule.oldest_unpaid_due_date
    where current_instalments.unpaid_until is null and current_instalments.was_unpaid
    order by current_instalments.loan_id, current_instalments.instalment_number
),

-- by the first schedule every payment counts, whatever schedule followed
by_first_schedule as (
    select
        instalments.loan_id,
        min(instalments.due_date) as oldest_unpaid_due_date
    from instalments
    join paid on instalments.loan_id = paid.loan_id
    where
        instalments.is_first
        and not instalments.is_negligible
        and instalments.due_date < {{ business_date() }}
        and instalments.cumulative_due_amount - paid.paid_to_date_amount > instalments.tolerance_amount
        and instalments.ended_date is null
    group by instalments.loan_id
)

select
    by_current_schedule.loan_id,
    by_current_schedule.schedule_version,
    by_current_schedule.oldest_unpaid_due_date,
    by_first_schedule.oldest_unpaid_due_date as oldest_unpaid_due_date_original_schedule,
    case
        when by_current_schedule.oldest_unpaid_due_date is null then 0
        else by_current_schedule.unpaid_before_today_amount
    end as past_due_amount,
    coalesce(oldest.unpaid_amount, 0) as oldest_unpaid_amount,
    coalesce(oldest.paid_amount, 0) as oldest_unpaid_paid_amount,
    by_current_schedule.principal_outstanding_amount,
    paid.paid_to_date_amount,
    coalesce(by_current_schedule.due_to_date_amount, 0) as due_to_date_amount,
    greatest(paid.paid_amount - by_current_schedule.scheduled_amount, 0) as unapplied_amount,
    by_current_schedule.next_due_date,
    -- everything negligible: nothing was ever to be paid
    case when by_current_schedule.is_all_covered then by_current_schedule.all_covered_date end as paid_off_date
from by_current_schedule
join paid on by_current_schedule.loan_id = paid.loan_id
left join oldest on by_current_schedule.loan_id = oldest.loan_id
left join by_first_schedule on by_current_schedule.loan_id = by_first_schedule.loan_id
