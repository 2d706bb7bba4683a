-- One row per loan: what was agreed and stated when it was made. Application figures are the baseline of later changes.
select
    -- ids
    source.loan_id,
    source.contract_number,
    source.originating_officer_id,
    -- codes
    source.purpose_code,
    source.payment_mode_code,
    source.application_occupation_code,
    source.application_region_code,
    -- flags
    source.is_autodebit,
    -- dates
    source.application_date,
    source.contract_signed_date,
    -- amounts and rates
    source.all_in_annual_rate,
    source.application_monthly_income_amount,
    source.application_total_debt_amount,
    -- numbers
    source.application_score,
    source.application_bureau_score
from {{ source('core_banking', 'core_banking__loan_origination') }} as source
where {{ in_effect('source', 'core_banking__loan_origination') }}
