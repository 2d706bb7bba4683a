-- One row per touched loan with a schedule: how it has paid so far. Today's knowledge of the past, not what was
-- published then.
with instalments as (
    select * from {{ ref('int_instalments') }}
),

spells as (
    select * from {{ ref('int_delinquency_spells') }}
),

payments as (
    select * from {{ ref('int_payments') }}
),

ended_unpaid as (
    select
        loan_id,
        unpaid_until - 1 - due_date as days,
        {{ business_date() }} - (unpaid_until - 1) as days_ago
    from instalments
    where was_unpaid and unpaid_until is not null
),

ended as (
    select
        loan_id,
        max(days) filter (where days_ago < {{ position_rule('look_back_3m_days') }}) as max_3m_days,
        max(days) filter (where days_ago < {{ position_rule('look_back_6m_days') }}) as max_6m_days,
        max(days) filter (where days_ago < {{ position_rule('look_back_12m_days') }}) as max_12m_days,
        max(days) as max_ever_days
    from ended_unpaid
    group by loan_id
),

spell_summary as (
    select
        loan_id,
        max(start_date) filter (where end_date is null) as current_spell_start_date,
        max(end_date) filter (where is_cured) as last_cured_date,
        (array_agg(end_date - start_date order by end_date desc) filter (where is_cured))[1] as last_cured_spell_days,
        count(*) filter (where end_date is not null)::integer as ended_spell_count
    from spells
    group by loan_id
),

-- the first instalment of the first schedule, whatever happened to it since
first_instalments as (
    select distinct on (loan_id)
        loan_id,
        due_date,
        was_unpaid,
        unpaid_until,
        coalesce(unpaid_until, {{ business_date() }} + 1) - 1 - due_date as unpaid_days
    from instalments
    where is_first and not is_negligible
    order by loan_id, instalment_number
),

habit_rows as (
    select
        loan_id,
        covered_date - due_date as days_late,
        row_number() over (
            partition by loan_id order by due_date desc, schedule_version desc, instalment_number desc
        ) as recency
    from instalments
    where
        covered_date is not null
        and not is_negligible
        and due_date <= {{ business_date() }}
        and due_date >= in_force_from
        and due_date < in_force_until
),

habit as (
    select
        loan_id,
        percentile_disc(0.5) within group (order by days_late)::integer as payment_habit_days
    from habit_rows
    where recency <= {{ position_rule('habit_instalment_count') }}
    group by loan_id
),

last_payment as (
    select
        loan_id,
        max(value_date) as last_payment_date
    from payments
    where amount > 0
    group by loan_id
)

select
    loans.loan_id,
    spell_summary.current_spell_start_date,
    spell_summary.last_cured_date,
    spell_summary.last_cured_spell_days,
    coalesce(spell_summary.ended_spell_count, 0) as ended_spell_count,
    coalesce(ended.max_3m_days, 0) as max_ended_past_due_3m_days,
    coalesce(ended.max_6m_days, 0) as max_ended_past_due_6m_days,
    coalesce(ended.max_12m_days, 0) as max_ended_past_due_12m_days,
    coalesce(ended.max_ever_days, 0) as max_ended_past_due_ever_days,
    coalesce(
        first_instalments.was_unpaid
        and first_instalments.unpaid_days >= {{ position_rule('first_payment_default_days') }},
        false
    ) as is_first_payment_default,
    case
        when first_instalments.was_unpaid and first_instalments.unpaid_until is null
            then first_instalments.due_date
    end as unpaid_first_due_date,
    habit.payment_habit_days,
    case
        when habit.payment_habit_days <= -{{ position_rule('habit_early_days') }} then 'EARLY'
        when habit.payment_habit_days >= {{ position_rule('habit_late_days') }} then 'LATE'
        when habit.payment_habit_days is not null then 'ON_TIME'
        else 'UNKNOWN'
    end as payment_habit_code,
    last_payment.last_payment_date
from (select distinct instalments.loan_id from instalments) as loans
left join spell_summary on loans.loan_id = spell_summary.loan_id
left join ended on loans.loan_id = ended.loan_id
left join first_instalments on loans.loan_id = first_instalments.loan_id
left join habit on loans.loan_id = habit.loan_id
left join last_payment on loans.loan_id = last_payment.loan_id
