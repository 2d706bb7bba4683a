-- One row per draw: the amount for which papers were filed, and of it verified. A paper that names no draw counts for
-- the loan's draws in the order in which they were paid.
{{ config(materialized="ephemeral") }}

with draws as (
    select * from {{ ref('int_fund_use_draws') }}
),

papers as (
    select * from {{ ref('stg_documents__use_of_proceeds_evidence') }}
),

loans as (
    select distinct
        loan_id,
        currency
    from draws
),

filed as (
    select
        loans.loan_id,
        loans.currency,
        papers.draw_id,
        papers.evidence_id,
        papers.received_date,
        papers.evidence_amount,
        papers.verification_code
    from loans
    join papers on loans.loan_id = papers.loan_id and loans.currency = papers.currency
    where papers.received_date <= {{ business_date() }} and papers.verification_code <> 'REJECTED'
),

named as (
    select
        loan_id,
        draw_id,
        sum(evidence_amount) as filed_amount,
        coalesce(sum(evidence_amount) filter (where verification_code = 'VERIFIED'), 0) as verified_amount
    from filed
    where draw_id is not null
    group by loan_id, draw_id
),

unnamed as (
    select
        loan_id,
        currency,
        sum(evidence_amount) as filed_amount,
        coalesce(sum(evidence_amount) filter (where verification_code = 'VERIFIED'), 0) as verified_amount
    from filed
    where draw_id is null
    group by loan_id, currency
),

open_amounts as (
    select
        draws.loan_id,
        draws.currency,
        draws.draw_id,
        draws.draw_amount,
        least(coalesce(named.filed_amount, 0), draws.draw_amount) as filed_amount,
        least(coalesce(named.verified_amount, 0), draws.draw_amount) as verified_amount,
        sum(draws.draw_amount - least(coalesce(named.filed_amount, 0), draws.draw_amount)) over (
            partition by draws.loan_id, draws.currency order by draws.draw_date, draws.draw_id
        ) as unfiled_to_here,
        sum(draws.draw_amount - least(coalesce(named.verified_amount, 0), draws.draw_amount)) over (
            partition by draws.loan_id, draws.currency order by draws.draw_date, draws.draw_id
        ) as unverified_to_here
    from draws
    left join named on draws.loan_id = named.loan_id and draws.draw_id = named.draw_id
)

select
    open_amounts.loan_id,
    open_amounts.draw_id,
    -- what the loan's other papers leave after the draws before this one, and no more than is missing
    open_amounts.filed_amount + least(
        open_amounts.draw_amount - open_amounts.filed_amount,
        greatest(
            coalesce(unnamed.filed_amount, 0)
            - (open_amounts.unfiled_to_here - (open_amounts.draw_amount - open_amounts.filed_amount)),
            0
        )
    ) as filed_amount,
    open_amounts.verified_amount + least(
        open_amounts.draw_amount - open_amounts.verified_amount,
        greatest(
            coalesce(unnamed.verified_amount, 0)
            - (open_amounts.unverified_to_here - (open_amounts.draw_amount - open_amounts.verified_amount)),
            0
        )
    ) as verified_amount
from open_amounts
left join unnamed on open_amounts.loan_id = unnamed.loan_id and open_amounts.currency = unnamed.currency
