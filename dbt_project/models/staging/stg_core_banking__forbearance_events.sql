-- One row per relief granted: its kind, its ground, and whether it was financial difficulty.
select
    -- ids
    source.forbearance_id,
    source.loan_id,
    source.approval_id,
    -- codes
    source.measure_code,
    source.ground_code,
    -- flags
    source.has_financial_difficulty,
    -- dates
    source.granted_date,
    source.effective_date,
    -- amounts and rates
    source.old_annual_rate,
    source.new_annual_rate,
    source.capitalised_amount,
    -- numbers
    source.extension_months
from {{ source('core_banking', 'core_banking__forbearance_event') }} as source
where {{ in_effect('source', 'core_banking__forbearance_event') }}
