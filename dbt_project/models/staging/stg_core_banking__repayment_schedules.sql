-- One row per loan, schedule version and instalment. Cumulative dues were written once, with the version.
select
    -- ids
    source.loan_id,
    source.schedule_version,
    source.instalment_number,
    -- codes
    source.version_reason_code,
    -- dates
    source.schedule_effective_date,
    source.due_date,
    -- amounts
    source.principal_due_amount,
    source.interest_due_amount,
    source.fee_due_amount,
    source.penalty_due_amount,
    source.cumulative_due_amount,
    source.cumulative_principal_due_amount
from {{ source('core_banking', 'core_banking__repayment_schedule') }} as source
where {{ in_effect('source', 'core_banking__repayment_schedule') }}
