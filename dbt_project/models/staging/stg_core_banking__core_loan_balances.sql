-- One row per loan: what the core system itself holds. Reconciliation only; nothing else reads it.
select
    -- ids
    source.loan_id,
    -- codes
    source.currency,
    -- dates
    source.oldest_unpaid_due_date,
    -- amounts and rates
    source.principal_outstanding_amount,
    source.past_due_amount,
    source.paid_to_date_amount
from {{ source('core_banking', 'core_banking__core_loan_balance') }} as source
where {{ in_effect('source', 'core_banking__core_loan_balance') }}
