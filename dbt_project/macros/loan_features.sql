{#
  The features of loans on dates: one SQL for today's score and for every row that a model learns from.

  spine: as for loan_history. What each feature means for a model stands in the policy `feature`. A missing value is null:
  the card has points of its own for it.
#}
{% macro loan_features(spine) %}
with {{ loan_history(spine) }},

repayment as (
    select
        spine_id,
        coalesce(business_date - min(due_date) filter (where is_in_force and was_unpaid and unpaid_until is null), 0)
            as days_past_due,
        coalesce(
            max(last_unpaid_date - due_date) filter (where was_unpaid and last_unpaid_date > business_date - 90), 0
        ) as late_days_max_90d,
        coalesce(max(last_unpaid_date - due_date) filter (where was_unpaid), 0) as late_days_max_ever,
        count(*) filter (where was_unpaid and due_date > business_date - 180) as late_count_180d,
        business_date - max(last_unpaid_date) filter (where was_unpaid) as days_since_late,
        percentile_disc(0.5) within group (order by covered_date - due_date)
        filter (where covered_date is not null and due_date <= business_date and recency <= 6) as habit_days,
        count(*) filter (where covered_date is not null and is_in_force) as paid_instalment_count,
        bool_or(covered_date is null and is_in_force) as has_open_instalment,
        sum(due_amount) filter (where is_in_force and due_date > business_date - 90 and due_date <= business_date)
            as due_90d_amount
    from lateness
    group by spine_id, business_date
),

paid_90d as (
    select
        spine_id,
        sum(amount) as paid_amount
    from payments
    where value_date > business_date - 90
    group by spine_id
),

reports as (
    select distinct on (spine.spine_id)
        spine.spine_id,
        source.bureau_score,
        source.inquiry_90d_count,
        source.open_lender_count,
        100 * source.credit_used_amount / nullif(source.credit_limit_amount, 0) as used_percent
    from contracts as spine
    join raw.bureau__bureau_report as source on spine.borrower_id = source.borrower_id
    where
        source.pull_date <= spine.business_date
        and {{ known_at_spine('bureau__bureau_report') }}
    order by spine.spine_id asc, source.pull_date desc, source.pull_id desc
),

-- up to when the accounts had been delivered: silence of the borrower is not told from silence of the source
accounts_until as (
    select
        dates.business_date,
        dates.known_date,
        max(least(batch.business_date, dates.business_date)) as as_of_date
    from (select distinct spine.business_date, spine.known_date from spine) as dates
    join ops.load_batch as batch
        on
            coalesce(batch.from_date, batch.business_date) <= dates.business_date
            and coalesce(batch.from_date, batch.known_date) <= dates.known_date
    join ops.run_input as input on batch.batch_id = input.batch_id and input.run_id = {{ run_id() }}
    where batch.system = 'accounts' and batch.table_name = 'account_transaction'
    group by dates.business_date, dates.known_date
),

movements as (
    select
        spine.spine_id,
        count(*) filter (
            where
            source.movement_code = 'AUTODEBIT_FAILED'
            and coalesce(source.loan_id, spine.loan_id) = spine.loan_id
            and source.booking_date > accounts_until.as_of_date - 60
        ) as debit_failed_count_60d,
        accounts_until.as_of_date
        - max(source.booking_date) filter (where source.movement_code = 'SALARY') as days_since_salary
    from contracts as spine
    join accounts_until
        on spine.business_date = accounts_until.business_date and spine.known_date = accounts_until.known_date
    join raw.accounts__account_transaction as source on spine.borrower_id = source.borrower_id
    where
        source.booking_date <= accounts_until.as_of_date
        and {{ known_at_spine('accounts__account_transaction') }}
    group by spine.spine_id, accounts_until.as_of_date
)

select
    contracts.loan_id,
    contracts.business_date,
    contracts.known_date,
    contracts.borrower_id,
    contracts.product_code,
    contracts.currency,
    contracts.contract_status = 'ACTIVE' and coalesce(repayment.has_open_instalment, false) as observed_is_live,
    repayment.days_past_due as observed_days_past_due,
    repayment.late_days_max_ever as observed_late_days_max_ever,
    {{ band('days_past_due', 'repayment.days_past_due') }},
    {{ band('late_days_max_90d', 'repayment.late_days_max_90d') }},
    {{ band('late_days_max_ever', 'repayment.late_days_max_ever') }},
    {{ band('late_count_180d', 'repayment.late_count_180d') }},
    {{ band('days_since_late', 'repayment.days_since_late') }},
    {{ band('paid_percent_90d', '100 * coalesce(paid_90d.paid_amount, 0) / nullif(repayment.due_90d_amount, 0)') }},
    {{ band('habit_days', 'repayment.habit_days') }},
    {{ band('paid_instalment_count', 'repayment.paid_instalment_count') }},
    {{ band('bureau_score', 'reports.bureau_score') }},
    {{ band('bureau_inquiry_count_90d', 'reports.inquiry_90d_count') }},
    {{ band('bureau_lender_count', 'reports.open_lender_count') }},
    {{ band('bureau_used_percent', 'reports.used_percent') }},
    {{ band('debit_failed_count_60d', 'movements.debit_failed_count_60d') }},
    {{ band('days_since_salary', 'movements.days_since_salary') }}
from contracts
join repayment on contracts.spine_id = repayment.spine_id
left join paid_90d on contracts.spine_id = paid_90d.spine_id
left join reports on contracts.spine_id = reports.spine_id
left join movements on contracts.spine_id = movements.spine_id
{% endmacro %}

{# The band of a value by the edges of the policy `feature`: 0 below the first edge, a value on an edge is above it. #}
{% macro band(feature, value) -%}
    width_bucket(
        ({{ value }})::numeric,
        (
            select string_to_array(feature.edges, ';')::numeric[]
            from {{ policy('feature') }} as feature
            where feature.feature_code = '{{ feature }}'
        )
    ) as {{ feature }}
{%- endmacro %}
