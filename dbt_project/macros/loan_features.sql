{#
  The features of loans on dates: one SQL for today's score and for every row that a model learns from.

  spine: a relation of (loan_id, business_date, known_date). A row is used only if it describes something up to
  business_date and was known on known_date, superseded rows as they stood then; nothing here reads a clock, the run's own
  date, or any row of ours (lists, officers, contacts). What each feature means for a model stands in the policy `feature`.

  Schedules and payments follow the rules of int_schedule_versions, int_payments and int_instalments; a test holds both
  against each other. A missing value is null: the card has points of its own for it.
#}
{% macro loan_features(spine) %}
with spine as (
    select
        loan_id,
        business_date,
        known_date
    from {{ spine }}
),

contracts as (
    select
        spine.loan_id,
        spine.business_date,
        spine.known_date,
        source.borrower_id,
        source.product_code,
        source.currency,
        tolerance.tolerance_amount,
        case
            when source.contract_status in ('CLOSED', 'CANCELLED') and source.status_date <= spine.business_date
                then source.status_date
        end as ended_date
    from spine
    join raw.core_banking__loan_contract as source on spine.loan_id = source.loan_id
    join {{ ref('past_due_tolerance') }} as tolerance
        on
            source.currency = tolerance.currency
            and spine.business_date between tolerance.valid_from and coalesce(tolerance.valid_to, date '9999-12-31')
    where {{ known_at_spine('core_banking__loan_contract') }}
),

schedules as (
    select
        spine.business_date,
        spine.known_date,
        source.loan_id,
        source.schedule_version,
        source.schedule_effective_date,
        source.instalment_number,
        source.due_date,
        source.cumulative_due_amount,
        source.principal_due_amount + source.interest_due_amount + source.fee_due_amount
        + source.penalty_due_amount as due_amount
    from spine
    join raw.core_banking__repayment_schedule as source on spine.loan_id = source.loan_id
    where {{ known_at_spine('core_banking__repayment_schedule') }}
),

windows as (
    select
        loan_id,
        business_date,
        known_date,
        schedule_version,
        schedule_effective_date,
        schedule_version = min(schedule_version) over of_loan as is_first,
        min(schedule_effective_date) over (
            partition by loan_id, business_date, known_date
            order by schedule_version rows between 1 following and unbounded following
        ) as in_force_until
    from (
        select distinct
            loan_id,
            business_date,
            known_date,
            schedule_version,
            schedule_effective_date
        from schedules
    ) as distinct_versions
    window of_loan as (partition by loan_id, business_date, known_date)
),

versions as (
    select
        loan_id,
        business_date,
        known_date,
        schedule_version,
        case when is_first then date '0001-01-01' else schedule_effective_date end as in_force_from,
        coalesce(in_force_until, date '9999-12-31') as in_force_until
    from windows
    where
        is_first
        or (
            schedule_effective_date <= business_date
            and schedule_effective_date < coalesce(in_force_until, date '9999-12-31')
        )
),

payments as (
    select
        spine.loan_id,
        spine.business_date,
        spine.known_date,
        source.value_date,
        sum(source.amount) as amount
    from spine
    join raw.payments__repayment_transaction as source on spine.loan_id = source.loan_id
    where
        source.value_date <= spine.business_date
        and {{ known_at_spine('payments__repayment_transaction') }}
    group by spine.loan_id, spine.business_date, spine.known_date, source.value_date
),

running as (
    select
        versions.loan_id,
        versions.business_date,
        versions.known_date,
        versions.schedule_version,
        payments.value_date,
        sum(payments.amount) over (
            partition by versions.loan_id, versions.business_date, versions.known_date, versions.schedule_version
            order by payments.value_date
        ) as paid_amount
    from versions
    join payments
        on
            versions.loan_id = payments.loan_id
            and versions.business_date = payments.business_date
            and versions.known_date = payments.known_date
            and versions.in_force_from <= payments.value_date
            and versions.in_force_until > payments.value_date
),

-- a payment that was taken back later never covered anything
kept as (
    select
        loan_id,
        business_date,
        known_date,
        schedule_version,
        value_date,
        min(paid_amount) over (
            partition by loan_id, business_date, known_date, schedule_version
            order by value_date rows between current row and unbounded following
        ) as kept_amount
    from running
),

covered as (
    select
        schedules.loan_id,
        schedules.business_date,
        schedules.known_date,
        schedules.due_date,
        schedules.due_amount,
        versions.in_force_from,
        versions.in_force_until,
        versions.in_force_until > schedules.business_date as is_in_force,
        greatest(schedules.due_date + 1, versions.in_force_from) as unpaid_from,
        contracts.ended_date,
        min(kept.value_date) as covered_date
    from schedules
    join versions
        on
            schedules.loan_id = versions.loan_id
            and schedules.business_date = versions.business_date
            and schedules.known_date = versions.known_date
            and schedules.schedule_version = versions.schedule_version
    join contracts
        on
            schedules.loan_id = contracts.loan_id
            and schedules.business_date = contracts.business_date
            and schedules.known_date = contracts.known_date
    left join kept
        on
            schedules.loan_id = kept.loan_id
            and schedules.business_date = kept.business_date
            and schedules.known_date = kept.known_date
            and schedules.schedule_version = kept.schedule_version
            and schedules.cumulative_due_amount - contracts.tolerance_amount <= kept.kept_amount
    where schedules.due_amount > contracts.tolerance_amount
    group by
        schedules.loan_id, schedules.business_date, schedules.known_date, schedules.schedule_version,
        schedules.instalment_number, schedules.due_date, schedules.due_amount, versions.in_force_from,
        versions.in_force_until, contracts.ended_date
),

instalments as (
    select
        *,
        least(covered_date, ended_date, nullif(in_force_until, date '9999-12-31')) as unpaid_until
    from covered
),

lateness as (
    select
        *,
        unpaid_from <= business_date and unpaid_from < coalesce(unpaid_until, date '9999-12-31') as was_unpaid,
        coalesce(unpaid_until - 1, business_date) as last_unpaid_date,
        row_number() over (
            partition by loan_id, business_date, known_date, covered_date is not null and due_date <= business_date
            order by due_date desc, in_force_from desc
        ) as recency
    from instalments
),

repayment as (
    select
        loan_id,
        business_date,
        known_date,
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
        sum(due_amount) filter (where is_in_force and due_date > business_date - 90 and due_date <= business_date)
            as due_90d_amount
    from lateness
    group by loan_id, business_date, known_date
),

paid_90d as (
    select
        loan_id,
        business_date,
        known_date,
        sum(amount) as paid_amount
    from payments
    where value_date > business_date - 90
    group by loan_id, business_date, known_date
),

reports as (
    select distinct on (contracts.loan_id, contracts.business_date, contracts.known_date)
        contracts.loan_id,
        contracts.business_date,
        contracts.known_date,
        source.bureau_score,
        source.inquiry_90d_count,
        source.open_lender_count,
        100 * source.credit_used_amount / nullif(source.credit_limit_amount, 0) as used_percent
    from contracts
    join spine
        on
            contracts.loan_id = spine.loan_id
            and contracts.business_date = spine.business_date
            and contracts.known_date = spine.known_date
    join raw.bureau__bureau_report as source on contracts.borrower_id = source.borrower_id
    where
        source.pull_date <= spine.business_date
        and {{ known_at_spine('bureau__bureau_report') }}
    order by
        contracts.loan_id, contracts.business_date, contracts.known_date, source.pull_date desc, source.pull_id desc
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
        contracts.loan_id,
        contracts.business_date,
        contracts.known_date,
        count(*) filter (
            where
            source.movement_code = 'AUTODEBIT_FAILED'
            and coalesce(source.loan_id, contracts.loan_id) = contracts.loan_id
            and source.booking_date > accounts_until.as_of_date - 60
        ) as debit_failed_count_60d,
        accounts_until.as_of_date
        - max(source.booking_date) filter (where source.movement_code = 'SALARY') as days_since_salary
    from contracts
    join spine
        on
            contracts.loan_id = spine.loan_id
            and contracts.business_date = spine.business_date
            and contracts.known_date = spine.known_date
    join accounts_until
        on contracts.business_date = accounts_until.business_date and contracts.known_date = accounts_until.known_date
    join raw.accounts__account_transaction as source on contracts.borrower_id = source.borrower_id
    where
        source.booking_date <= accounts_until.as_of_date
        and {{ known_at_spine('accounts__account_transaction') }}
    group by contracts.loan_id, contracts.business_date, contracts.known_date, accounts_until.as_of_date
)

select
    contracts.loan_id,
    contracts.business_date,
    contracts.known_date,
    contracts.borrower_id,
    contracts.product_code,
    contracts.currency,
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
join repayment
    on
        contracts.loan_id = repayment.loan_id
        and contracts.business_date = repayment.business_date
        and contracts.known_date = repayment.known_date
left join paid_90d
    on
        contracts.loan_id = paid_90d.loan_id
        and contracts.business_date = paid_90d.business_date
        and contracts.known_date = paid_90d.known_date
left join reports
    on
        contracts.loan_id = reports.loan_id
        and contracts.business_date = reports.business_date
        and contracts.known_date = reports.known_date
left join movements
    on
        contracts.loan_id = movements.loan_id
        and contracts.business_date = movements.business_date
        and contracts.known_date = movements.known_date
{% endmacro %}

{# Which rows of a raw table, read as `source`, were in effect on the dates of the spine's row. #}
{% macro known_at_spine(table) %}
{{- in_effect_at('source', table, run_id(), 'spine.business_date', 'spine.known_date') -}}
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
