-- One row per movement of a borrower's account with us.
select
    -- ids
    source.account_transaction_id,
    source.borrower_id,
    source.loan_id,
    source.sequence_number,
    -- codes
    source.currency,
    source.direction_code,
    source.movement_code,
    source.counterparty_class_code,
    source.merchant_category_code,
    -- personal data: tokens and masked forms
    source.account_number_token,
    source.account_number_masked,
    source.counterparty_account_number_token,
    source.counterparty_account_number_masked,
    -- dates
    source.booking_date,
    -- amounts and rates
    source.amount,
    source.balance_after_amount
from {{ source('accounts', 'accounts__account_transaction') }} as source
where {{ in_effect('source', 'accounts__account_transaction') }}
