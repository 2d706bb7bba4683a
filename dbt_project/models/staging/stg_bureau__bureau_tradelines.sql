-- One row per pull and account: the borrower's accounts everywhere as one pull showed them.
select
    -- ids
    source.pull_id,
    source.tradeline_number,
    source.borrower_id,
    -- codes
    source.account_type_code,
    source.currency,
    source.account_status_code,
    -- flags
    source.is_own_lender,
    -- dates
    source.pull_date,
    source.opened_date,
    -- amounts and rates
    source.balance_amount,
    source.past_due_amount,
    -- numbers
    source.days_past_due
from {{ source('bureau', 'bureau__bureau_tradeline') }} as source
where {{ in_effect('source', 'bureau__bureau_tradeline') }}
