-- The latest income is lower than the one before of the same evidence, or than the application stated. Other evidence
-- measures another thing (payroll is net of nothing, a tax return of everything), so it is not compared.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where is_live
),

borrowers as (
    select * from {{ ref('int_live_borrowers') }}
),

refreshes as (
    select
        *,
        observed_date <= {{ business_date() }} as is_known,
        lag(monthly_income_amount) over (
            partition by borrower_id, evidence_code, currency order by observed_date, refresh_id
        ) as previous_income_amount,
        row_number() over (
            partition by borrower_id, observed_date <= {{ business_date() }}
            order by observed_date desc, refresh_id desc
        ) as recency
    from {{ ref('int_borrower_income') }}
    where origin_code = 'REFRESH'
),

threshold as (
    select * from {{ policy('signal') }} as signal
    where signal_code = 'income_drop'
),

future as (
    select
        borrower_id,
        min(observed_date) as next_observed_date
    from refreshes
    where not is_known
    group by borrower_id
),

drops as (
    select
        refreshes.borrower_id,
        refreshes.observed_date,
        case
            when refreshes.observed_date >= refreshes.lending_since_date
                then
                    round(
                        100 * greatest(
                            1 - refreshes.monthly_income_amount / nullif(refreshes.previous_income_amount, 0),
                            case
                                when refreshes.currency = borrowers.application_currency
                                    then
                                        1 - refreshes.monthly_income_amount
                                        / nullif(borrowers.application_monthly_income_amount, 0)
                            end
                        ),
                        2
                    )
        end as drop_percent
    from refreshes
    join borrowers on refreshes.borrower_id = borrowers.borrower_id
    where refreshes.is_known and refreshes.recency = 1
)

select
    positions.loan_id,
    threshold.signal_code,
    drops.drop_percent as observed_value,
    drops.observed_date,
    coalesce(drops.drop_percent >= threshold.raise_threshold, false) as meets_raise,
    coalesce(drops.drop_percent < threshold.clear_threshold, true) as meets_clear,
    future.next_observed_date as changes_on
from positions
left join drops on positions.borrower_id = drops.borrower_id
left join future on positions.borrower_id = future.borrower_id
cross join threshold
where drops.borrower_id is not null or future.borrower_id is not null
