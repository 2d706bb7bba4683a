-- A debit for an instalment was refused, for this loan or for one that the source does not name.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

failures as (
    select * from {{ ref('int_borrower_movements') }}
    where movement_code = 'AUTODEBIT_FAILED' and booking_date >= lending_since_date
),

threshold as (
    select
        *,
        {{ data_as_of('accounts') }} as as_of_date,
        {{ signal_parameter('autodebit_failed', 'raise_window_days') }} as raise_days,
        {{ signal_parameter('autodebit_failed', 'clear_window_days') }} as clear_days
    from {{ policy('signal') }} as signal
    where signal_code = 'autodebit_failed'
),

of_loan as (
    select
        positions.loan_id,
        count(*) filter (
            where
            failures.booking_date <= {{ business_date() }}
            and failures.booking_date > threshold.as_of_date - threshold.raise_days
        ) as recent_count,
        count(*) filter (
            where
            failures.booking_date <= {{ business_date() }}
            and failures.booking_date > threshold.as_of_date - threshold.clear_days
        ) as failed_count,
        max(failures.booking_date) filter (where failures.booking_date <= {{ business_date() }}) as last_failed_date,
        min(
            {{ moves_on(
                [
                    "failures.booking_date + threshold.raise_days",
                    "failures.booking_date + threshold.clear_days",
                ],
                "threshold.as_of_date",
            ) }}
        ) as expires_on,
        min(failures.booking_date) filter (where failures.booking_date > {{ business_date() }}) as next_failed_date
    from positions
    join failures
        on
            positions.borrower_id = failures.borrower_id
            and positions.loan_id = coalesce(failures.loan_id, positions.loan_id)
    cross join threshold
    where threshold.as_of_date is not null
    group by positions.loan_id
)

select
    of_loan.loan_id,
    threshold.signal_code,
    of_loan.failed_count::numeric as observed_value,
    of_loan.last_failed_date as observed_date,
    of_loan.recent_count >= threshold.raise_threshold as meets_raise,
    of_loan.failed_count < threshold.clear_threshold as meets_clear,
    least(of_loan.expires_on, of_loan.next_failed_date) as changes_on
from of_loan
cross join threshold
