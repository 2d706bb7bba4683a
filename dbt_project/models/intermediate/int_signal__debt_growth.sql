-- Unsecured debt elsewhere has grown, against the report before or the application, measured on all debt at that
-- time: a house or a car bought on credit is no sign of distress. Where accounts are not delivered, ours cannot be told
-- from theirs: then the unsecured debt of both reports is compared, or all debt where a bureau does not tell it apart.
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
    where signal_code = 'debt_growth'
),

growth as (
    select
        bureau.borrower_id,
        max(
            round(
                100 * greatest(
                    case
                        when bureau.currency = bureau.previous_currency
                            then
                                coalesce(
                                    bureau.other_unsecured_debt_amount - bureau.previous_other_unsecured_debt_amount,
                                    bureau.unsecured_debt_amount - bureau.previous_unsecured_debt_amount,
                                    bureau.total_debt_amount - bureau.previous_total_debt_amount
                                ) / nullif(bureau.previous_total_debt_amount, 0)
                    end,
                    -- the application was made before our own loan: its debt is all elsewhere, secured or not
                    case
                        when bureau.currency = borrowers.application_currency
                            then
                                (bureau.other_unsecured_debt_amount - borrowers.application_total_debt_amount)
                                / nullif(
                                    borrowers.application_total_debt_amount + borrowers.application_principal_amount, 0
                                )
                    end
                ),
                2
            )
        ) filter (where bureau.pull_date >= borrowers.lending_since_date) as growth_percent,
        max(bureau.pull_date) as pull_date,
        min(bureau.next_pull_date) as next_pull_date
    from bureau
    join borrowers on bureau.borrower_id = borrowers.borrower_id
    group by bureau.borrower_id
)

select
    positions.loan_id,
    threshold.signal_code,
    growth.growth_percent as observed_value,
    growth.pull_date as observed_date,
    coalesce(growth.growth_percent >= threshold.raise_threshold, false) as meets_raise,
    coalesce(growth.growth_percent < threshold.clear_threshold, true) as meets_clear,
    growth.next_pull_date as changes_on
from positions
join growth on positions.borrower_id = growth.borrower_id
cross join threshold
