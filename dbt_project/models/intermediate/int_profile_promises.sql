-- One row per borrower of a touched loan who has promised anything: promises whose day has not passed and that have not
-- been kept yet.
{{ config(materialized="ephemeral") }}

with contracts as (
    select * from {{ ref('int_loan_contracts') }}
    where borrower_id is not null
),

promises as (
    select * from {{ ref('stg_contact_center__promises_to_pay') }}
),

payments as (
    select * from {{ ref('int_payments') }}
),

made as (
    select
        contracts.borrower_id,
        contracts.loan_id,
        contracts.currency as loan_currency,
        promises.promise_id,
        promises.made_date,
        promises.promised_date,
        promises.currency,
        promises.promised_amount
    from contracts
    join promises on contracts.loan_id = promises.loan_id
    where not promises.is_withdrawn and promises.promised_date >= {{ business_date() }}
),

paid as (
    select
        made.loan_id,
        made.promise_id,
        sum(payments.amount) as paid_amount
    from made
    join payments on made.loan_id = payments.loan_id and made.made_date <= payments.value_date
    group by made.loan_id, made.promise_id
),

judged as (
    select
        made.*,
        made.made_date <= {{ business_date() }}
        -- a promise in another currency than the loan's is kept by nothing that we count
        and (made.currency <> made.loan_currency or coalesce(paid.paid_amount, 0) < made.promised_amount) as is_open
    from made
    left join paid on made.loan_id = paid.loan_id and made.promise_id = paid.promise_id
)

select
    borrower_id,
    count(*) filter (where is_open)::integer as open_promise_count,
    min(promised_date) filter (where is_open) as open_promise_date,
    case
        when count(distinct currency) filter (where is_open) = 1 then sum(promised_amount) filter (where is_open)
    end as open_promise_amount,
    min(currency) filter (where is_open) as open_promise_currency,
    least(
        min(promised_date) filter (where is_open) + 1,
        min(made_date) filter (where made_date > {{ business_date() }})
    ) as changes_on
from judged
group by borrower_id
