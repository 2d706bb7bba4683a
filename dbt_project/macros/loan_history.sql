{#
  The instalments of loans as they stood on the dates of a spine, by the rules of int_schedule_versions, int_payments and
  int_instalments: CTEs that end with `lateness`, one row an instalment that is not negligible.

  spine: a relation of (loan_id, business_date, known_date). A row is used only if it describes something up to
  business_date and was known on known_date, superseded rows as they stood then; nothing here reads a clock, the run's own
  date, or any row of ours (lists, officers, contacts).
#}
{% macro loan_history(spine) %}
spine as (
    -- one number a row: joined on three columns, the server would expect a single row and loop over all of them
    select
        loan_id,
        business_date,
        known_date,
        row_number() over () as spine_id
    from {{ spine }}
),

contracts as (
    select
        spine.spine_id,
        spine.loan_id,
        spine.business_date,
        spine.known_date,
        source.borrower_id,
        source.product_code,
        source.currency,
        tolerance.tolerance_amount,
        -- a status counts from its own date
        case
            when source.disbursement_date > spine.business_date then 'PENDING'
            when source.status_date <= spine.business_date then source.contract_status
            else 'ACTIVE'
        end as contract_status,
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
        spine.spine_id,
        spine.business_date,
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
        spine_id,
        business_date,
        schedule_version,
        schedule_effective_date,
        schedule_version = min(schedule_version) over of_loan as is_first,
        min(schedule_effective_date) over (
            partition by spine_id
            order by schedule_version rows between 1 following and unbounded following
        ) as in_force_until
    from (
        select distinct
            spine_id,
            business_date,
            schedule_version,
            schedule_effective_date
        from schedules
    ) as distinct_versions
    window of_loan as (partition by spine_id)
),

versions as (
    select
        spine_id,
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
        spine.spine_id,
        spine.business_date,
        source.value_date,
        sum(source.amount) as amount
    from spine
    join raw.payments__repayment_transaction as source on spine.loan_id = source.loan_id
    where
        source.value_date <= spine.business_date
        and {{ known_at_spine('payments__repayment_transaction') }}
    group by spine.spine_id, spine.business_date, source.value_date
),

running as (
    select
        versions.spine_id,
        versions.schedule_version,
        payments.value_date,
        sum(payments.amount) over (
            partition by versions.spine_id, versions.schedule_version
            order by payments.value_date
        ) as paid_amount
    from versions
    join payments
        on
            versions.spine_id = payments.spine_id
            and versions.in_force_from <= payments.value_date
            and versions.in_force_until > payments.value_date
),

-- a payment that was taken back later never covered anything
kept as (
    select
        spine_id,
        schedule_version,
        value_date,
        min(paid_amount) over (
            partition by spine_id, schedule_version
            order by value_date rows between current row and unbounded following
        ) as kept_amount
    from running
),

dues as (
    select
        schedules.spine_id,
        contracts.loan_id,
        schedules.business_date,
        schedules.schedule_version,
        schedules.instalment_number,
        schedules.due_date,
        schedules.due_amount,
        schedules.cumulative_due_amount - contracts.tolerance_amount as covered_from_amount,
        versions.in_force_from,
        versions.in_force_until,
        versions.in_force_until > schedules.business_date as is_in_force,
        greatest(schedules.due_date + 1, versions.in_force_from) as unpaid_from,
        contracts.ended_date,
        contracts.tolerance_amount
    from schedules
    join versions
        on schedules.spine_id = versions.spine_id and schedules.schedule_version = versions.schedule_version
    join contracts on schedules.spine_id = contracts.spine_id
),

-- instalments and payments on one line of money: an instalment is covered by the first payment that lies at or above it
line_of_money as (
    select
        *,
        null::date as value_date
    from dues
    union all
    select
        spine_id,
        null as loan_id,
        null as business_date,
        schedule_version,
        null as instalment_number,
        null as due_date,
        null as due_amount,
        kept_amount as covered_from_amount,
        null as in_force_from,
        null as in_force_until,
        null as is_in_force,
        null as unpaid_from,
        null as ended_date,
        null as tolerance_amount,
        value_date
    from kept
),

covered as (
    select
        *,
        min(value_date) over (
            partition by spine_id, schedule_version
            order by covered_from_amount desc, instalment_number asc nulls first
            rows between unbounded preceding and current row
        ) as covered_date
    from line_of_money
),

instalments as (
    select
        *,
        least(covered_date, ended_date, nullif(in_force_until, date '9999-12-31')) as unpaid_until
    from covered
    where due_amount > tolerance_amount
),

lateness as (
    select
        *,
        unpaid_from <= business_date and unpaid_from < coalesce(unpaid_until, date '9999-12-31') as was_unpaid,
        coalesce(unpaid_until - 1, business_date) as last_unpaid_date,
        row_number() over (
            partition by spine_id, covered_date is not null and due_date <= business_date
            order by due_date desc, in_force_from desc
        ) as recency
    from instalments
)
{% endmacro %}

{# Which rows of a raw table, read as `source`, were in effect on the dates of the spine's row. #}
{% macro known_at_spine(table) %}
{{- in_effect_at('source', table, run_id(), 'spine.business_date', 'spine.known_date') -}}
{% endmacro %}
