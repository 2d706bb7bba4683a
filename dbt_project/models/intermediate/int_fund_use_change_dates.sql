-- Dates known beforehand on which a loan's fund-use checks may come out differently: a window or a term ends, or
-- something comes into effect that is known already.
{{ config(materialized="ephemeral") }}

with checks as (
    select * from {{ ref('int_fund_use_checks') }}
),

contracts as (
    select * from {{ ref('int_loan_contracts') }}
),

movements as (
    select * from {{ ref('int_account_movements') }}
),

disbursements as (
    select * from {{ ref('stg_core_banking__disbursements') }}
),

papers as (
    select * from {{ ref('stg_documents__use_of_proceeds_evidence') }}
)

select
    loan_id,
    changes_on as change_date
from checks
where changes_on > {{ business_date() }}
union
select
    contracts.loan_id,
    movements.booking_date as change_date
from contracts
join movements on contracts.borrower_id = movements.borrower_id
where movements.booking_date > {{ business_date() }}
union
select
    contracts.loan_id,
    disbursements.value_date as change_date
from contracts
join disbursements on contracts.loan_id = disbursements.loan_id
where disbursements.value_date > {{ business_date() }}
union
select
    contracts.loan_id,
    papers.received_date as change_date
from contracts
join papers on contracts.loan_id = papers.loan_id
where papers.received_date > {{ business_date() }}
