-- One row per borrower, as the customer system knows them. Names and numbers are tokens and masked forms here.
select
    -- ids
    source.borrower_id,
    -- codes
    source.region_code,
    source.timezone,
    source.occupation_code,
    source.industry_code,
    source.preferred_channel_code,
    source.preferred_language_code,
    -- personal data: tokens and masked forms
    source.full_name_token,
    source.full_name_masked,
    source.id_number_token,
    source.id_number_masked,
    source.mobile_phone_token,
    source.mobile_phone_masked,
    source.home_address_token,
    source.home_address_masked,
    source.salary_account_number_token,
    source.salary_account_number_masked,
    source.employer_name_token,
    source.employer_name_masked,
    -- flags
    source.is_vulnerable,
    -- dates
    source.customer_since_date,
    source.income_stated_date,
    source.deceased_date,
    -- amounts and rates
    source.declared_monthly_income_amount,
    -- numbers
    source.birth_year
from {{ source('customer', 'customer__borrower') }} as source
where {{ in_effect('source', 'customer__borrower') }}
