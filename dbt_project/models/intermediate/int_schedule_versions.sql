-- One row per touched loan and schedule version: from when until when it was in force. The first version has always
-- been in force; a version ends when a later one takes effect.
with loans as (
    select loan_id from {{ ref('int_loan_contracts') }}
    where exclusion_reason_code is null
),

schedules as (
    select * from {{ ref('stg_core_banking__repayment_schedules') }}
),

versions as (
    select distinct
        schedules.loan_id,
        schedules.schedule_version,
        schedules.version_reason_code,
        schedules.schedule_effective_date
    from schedules
    join loans on schedules.loan_id = loans.loan_id
),

windows as (
    select
        loan_id,
        schedule_version,
        version_reason_code,
        schedule_effective_date,
        schedule_version = min(schedule_version) over (partition by loan_id) as is_first,
        min(schedule_effective_date) over (
            partition by loan_id order by schedule_version rows between 1 following and unbounded following
        ) as in_force_until
    from versions
)

select
    loan_id,
    schedule_version,
    version_reason_code,
    schedule_effective_date,
    is_first,
    case when is_first then date '0001-01-01' else schedule_effective_date end as in_force_from,
    coalesce(in_force_until, date '9999-12-31') as in_force_until
from windows
where is_first or schedule_effective_date < coalesce(in_force_until, date '9999-12-31')
