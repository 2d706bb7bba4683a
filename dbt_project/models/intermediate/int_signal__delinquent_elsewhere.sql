-- Past due with another lender, as the latest bureau report shows it, and worse than it was when we lent.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

borrowers as (
    select * from {{ ref('int_live_borrowers') }}
),

bureau as (
    select * from {{ ref('int_borrower_bureau') }}
),

threshold as (
    select * from {{ policy('signal') }} as signal
    where signal_code = 'delinquent_elsewhere'
),

worst as (
    select
        bureau.borrower_id,
        max(bureau.other_past_due_days) filter (
            where
            bureau.pull_date >= borrowers.lending_since_date
            and bureau.other_past_due_days > coalesce(bureau.other_past_due_days_before_lending, 0)
        ) as past_due_days,
        max(bureau.pull_date) as pull_date,
        min(bureau.next_pull_date) as next_pull_date
    from bureau
    join borrowers on bureau.borrower_id = borrowers.borrower_id
    group by bureau.borrower_id
)

select
    positions.loan_id,
    threshold.signal_code,
    worst.past_due_days::numeric as observed_value,
    worst.pull_date as observed_date,
    coalesce(worst.past_due_days >= threshold.raise_threshold, false) as meets_raise,
    coalesce(worst.past_due_days < threshold.clear_threshold, true) as meets_clear,
    worst.next_pull_date as changes_on
from positions
join worst on positions.borrower_id = worst.borrower_id
cross join threshold
