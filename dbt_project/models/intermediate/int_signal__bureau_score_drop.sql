-- The bureau's score has fallen: against its report before, or against the application. Holds until a report says
-- otherwise, however long that takes.
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
    where signal_code = 'bureau_score_drop'
),

drops as (
    select
        bureau.borrower_id,
        max(
            greatest(
                bureau.previous_bureau_score - bureau.bureau_score,
                -- which bureau the application asked is not delivered: with two of them it cannot be told
                case when bureau.bureau_count = 1 then borrowers.application_bureau_score - bureau.bureau_score end
            )
        ) filter (where bureau.score_date >= borrowers.lending_since_date) as drop_points,
        max(bureau.score_date) as score_date,
        min(bureau.next_pull_date) as next_pull_date
    from bureau
    join borrowers on bureau.borrower_id = borrowers.borrower_id
    group by bureau.borrower_id
)

select
    positions.loan_id,
    threshold.signal_code,
    drops.drop_points::numeric as observed_value,
    drops.score_date as observed_date,
    coalesce(drops.drop_points >= threshold.raise_threshold, false) as meets_raise,
    coalesce(drops.drop_points < threshold.clear_threshold, true) as meets_clear,
    drops.next_pull_date as changes_on
from positions
join drops on positions.borrower_id = drops.borrower_id
cross join threshold
