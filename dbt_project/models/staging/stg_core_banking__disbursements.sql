-- One row per draw: money paid out and to whom.
select
    -- ids
    source.draw_id,
    source.loan_id,
    -- codes
    source.currency,
    source.payee_type_code,
    -- personal data: tokens and masked forms
    source.payee_account_number_token,
    source.payee_account_number_masked,
    -- dates
    source.value_date,
    -- amounts and rates
    source.draw_amount
from {{ source('core_banking', 'core_banking__disbursement') }} as source
where {{ in_effect('source', 'core_banking__disbursement') }}
