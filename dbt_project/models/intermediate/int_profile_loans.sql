-- One row per borrower of a touched loan: all loans together. A touch spreads to all loans of the borrower, so these
-- are all there are. Amounts of several currencies are not added up: borrower_position has each by itself.
{{ config(materialized="ephemeral") }}

with positions as (
    select * from {{ ref('int_loan_position') }}
    where borrower_id is not null
),

buckets as (
    select * from {{ policy('delinquency_bucket') }} as bucket
)

select
    positions.borrower_id,
    case
        when count(distinct coalesce(positions.currency, 'UNKNOWN')) > 1 then 'MIXED'
        else max(coalesce(positions.currency, 'UNKNOWN'))
    end as currency,
    max(positions.timezone) as loan_timezone,
    count(*)::integer as loan_count,
    count(*) filter (where positions.is_live)::integer as live_loan_count,
    count(*) filter (where positions.is_live and positions.oldest_unpaid_due_date is not null)::integer
        as past_due_loan_count,
    count(*) filter (where positions.loan_status = 'CHARGED_OFF')::integer as charged_off_loan_count,
    case
        when count(distinct coalesce(positions.currency, 'UNKNOWN')) = 1
            then coalesce(sum(positions.principal_outstanding_amount) filter (where positions.is_live), 0)
    end as principal_outstanding_amount,
    case
        when count(distinct coalesce(positions.currency, 'UNKNOWN')) = 1
            then coalesce(sum(positions.past_due_amount) filter (where positions.is_live), 0)
    end as past_due_amount,
    min(positions.oldest_unpaid_due_date) filter (where positions.is_live) as oldest_unpaid_due_date,
    coalesce(
        (
            array_agg(positions.delinquency_bucket order by buckets.from_days desc, positions.delinquency_bucket asc)
            filter (where positions.is_live)
        )[1
        ],
        'CURRENT'
    ) as worst_delinquency_bucket,
    max(positions.max_ended_past_due_ever_days) as max_ended_past_due_ever_days,
    bool_or(positions.is_restructured) as is_restructured
from positions
left join buckets on positions.delinquency_bucket = buckets.delinquency_bucket
group by positions.borrower_id
