-- One row per observation of a borrower's income or work.
select
    -- ids
    source.refresh_id,
    source.borrower_id,
    -- codes
    source.evidence_code,
    source.currency,
    source.social_insurance_code,
    -- flags
    source.has_employer_changed,
    -- dates
    source.observed_date,
    -- amounts and rates
    source.monthly_income_amount
from {{ source('customer', 'customer__income_employment_refresh') }} as source
where {{ in_effect('source', 'customer__income_employment_refresh') }}
