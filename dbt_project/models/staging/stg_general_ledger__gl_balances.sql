-- One row per ledger account, branch and currency: its balance. Reconciliation only; nothing else reads it.
select
    -- ids
    source.gl_account_code,
    source.branch_code,
    source.currency,
    -- amounts and rates
    source.balance_amount
from {{ source('general_ledger', 'general_ledger__gl_balance') }} as source
where {{ in_effect('source', 'general_ledger__gl_balance') }}
