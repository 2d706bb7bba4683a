-- One row per loan: its contract as the run knows it.
select
    -- ids
    source.loan_id,
    source.borrower_id,
    -- codes
    source.product_code,
    source.channel_code,
    -- a digital lender has no branches; cells and lists need a complete key
    coalesce(source.branch_code, 'NONE') as branch_code,
    source.currency,
    source.timezone,
    source.repayment_method,
    source.contract_status,
    -- dates
    source.disbursement_date,
    source.status_date,
    -- amounts
    source.principal_amount
from {{ source('core_banking', 'core_banking__loan_contract') }} as source
where {{ in_effect('source', 'core_banking__loan_contract') }}
