-- One row per pull: what a bureau said of a borrower.
select
    -- ids
    source.pull_id,
    source.borrower_id,
    source.consent_id,
    -- codes
    source.bureau_code,
    source.inquiry_purpose_code,
    source.currency,
    -- dates
    source.pull_date,
    -- amounts and rates
    source.total_debt_amount,
    source.unsecured_debt_amount,
    source.credit_limit_amount,
    source.credit_used_amount,
    -- numbers
    source.bureau_score,
    source.open_lender_count,
    source.inquiry_30d_count,
    source.inquiry_90d_count
from {{ source('bureau', 'bureau__bureau_report') }} as source
where {{ in_effect('source', 'bureau__bureau_report') }}
