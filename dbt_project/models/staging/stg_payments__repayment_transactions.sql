-- One row per transaction. Reversals are negative and count at their own value date.
select
    -- ids
    source.transaction_id,
    source.loan_id,
    source.reversal_of_transaction_id,
    -- codes
    source.transaction_type,
    -- dates
    source.value_date,
    -- amounts
    source.amount
from {{ source('payments', 'payments__repayment_transaction') }} as source
where {{ in_effect('source', 'payments__repayment_transaction') }}
