-- A salary came month by month and has stopped coming. The anchor is the last salary; how long ago that is counts up to
-- the date up to which the account system has delivered.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

salaries as (
    select
        *,
        max(booking_date) filter (where booking_date <= {{ business_date() }}) over (
            partition by borrower_id
        ) as last_salary_date
    from {{ ref('int_borrower_movements') }}
    where movement_code = 'SALARY' and direction_code = 'IN'
),

threshold as (
    select
        *,
        raise_threshold::integer as raise_days,
        clear_threshold::integer as clear_days,
        {{ data_as_of('accounts') }} as as_of_date
    from {{ policy('signal') }} as signal
    where signal_code = 'salary_stopped'
),

habits as (
    select
        borrower_id,
        lending_since_date,
        last_salary_date,
        -- two payments in one month, salary and bonus, are one
        count(distinct date_trunc('month', booking_date)) filter (
            where
            booking_date <= last_salary_date
            and booking_date > last_salary_date - {{ signal_parameter('salary_stopped', 'habit_days') }}
        ) as month_count,
        min(booking_date) filter (where booking_date > {{ business_date() }}) as next_salary_date
    from salaries
    group by borrower_id, lending_since_date, last_salary_date
),

-- no habit, no signal; a salary that had stopped before we lent was known then
watched as (
    select
        habits.*,
        coalesce(
            habits.month_count >= {{ signal_parameter('salary_stopped', 'habit_months') }}
            and habits.last_salary_date + threshold.raise_days > habits.lending_since_date,
            false
        ) as is_watched
    from habits
    cross join threshold
)

select
    positions.loan_id,
    threshold.signal_code,
    null::numeric as observed_value,
    watched.last_salary_date as observed_date,
    watched.is_watched and threshold.as_of_date - watched.last_salary_date >= threshold.raise_days as meets_raise,
    not watched.is_watched or threshold.as_of_date - watched.last_salary_date < threshold.clear_days as meets_clear,
    least(
        watched.next_salary_date,
        case
            when watched.is_watched
                then
                    {{ moves_on(
                        [
                            "watched.last_salary_date + threshold.clear_days",
                            "watched.last_salary_date + threshold.raise_days",
                        ],
                        "threshold.as_of_date",
                    ) }}
        end
    ) as changes_on
from positions
join watched on positions.borrower_id = watched.borrower_id
cross join threshold
where threshold.as_of_date is not null
