-- A touch spreads to all loans of the borrower, so that the rows of this run are all the borrower has.
with positions as (
    select * from {{ ref('loan_position') }}
    where business_date = {{ business_date() }} and run_id = {{ run_id() }}
),

buckets as (
    select * from {{ policy('delinquency_bucket') }} as bucket
)

select
    {{ business_date() }} as business_date,
    {{ run_id() }}::text as run_id,
    positions.borrower_id,
    coalesce(positions.currency, 'UNKNOWN') as currency,
    count(*)::integer as loan_count,
    count(*) filter (where positions.is_live)::integer as live_loan_count,
    count(*) filter (where positions.is_live and positions.oldest_unpaid_due_date is not null)::integer
        as past_due_loan_count,
    coalesce(sum(positions.principal_outstanding_amount) filter (where positions.is_live), 0)::numeric(18, 2)
        as principal_outstanding_amount,
    coalesce(sum(positions.past_due_amount) filter (where positions.is_live), 0)::numeric(18, 2) as past_due_amount,
    min(positions.oldest_unpaid_due_date) filter (where positions.is_live) as oldest_unpaid_due_date,
    coalesce(
        (
            array_agg(positions.delinquency_bucket order by buckets.from_days desc, positions.delinquency_bucket asc)
            filter (where positions.is_live)
        )[1
        ],
        'CURRENT'
    ) as worst_delinquency_bucket,
    max(positions.max_ended_past_due_12m_days) as max_ended_past_due_12m_days,
    bool_or(positions.is_restructured) as is_restructured
from positions
left join buckets on positions.delinquency_bucket = buckets.delinquency_bucket
where positions.borrower_id is not null
group by positions.borrower_id, coalesce(positions.currency, 'UNKNOWN')
