-- Many lenders were asked for credit in the days before the pull. Inquiries from before we lent were known then.
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
    where signal_code = 'inquiry_burst'
),

inquiries as (
    select
        bureau.borrower_id,
        max(bureau.inquiry_30d_count) filter (
            where
            bureau.pull_date >= borrowers.lending_since_date + {{ signal_parameter('inquiry_burst', 'window_days') }}
        ) as inquiry_count,
        max(bureau.pull_date) as pull_date,
        min(bureau.next_pull_date) as next_pull_date
    from bureau
    join borrowers on bureau.borrower_id = borrowers.borrower_id
    group by bureau.borrower_id
)

select
    positions.loan_id,
    threshold.signal_code,
    inquiries.inquiry_count::numeric as observed_value,
    inquiries.pull_date as observed_date,
    coalesce(inquiries.inquiry_count >= threshold.raise_threshold, false) as meets_raise,
    coalesce(inquiries.inquiry_count < threshold.clear_threshold, true) as meets_clear,
    inquiries.next_pull_date as changes_on
from positions
join inquiries on positions.borrower_id = inquiries.borrower_id
cross join threshold
