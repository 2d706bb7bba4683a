-- One row per revisit: the three answers and what else mattered.
select
    -- ids
    source.visit_id,
    source.revisit_id,
    source.borrower_id,
    source.loan_id,
    source.officer_id,
    -- codes
    source.channel_code,
    source.fund_use_answer_code,
    source.ability_answer_code,
    source.default_sign_answer_code,
    source.major_event_code,
    -- flags
    source.is_right_party,
    source.is_hardship_claimed,
    source.is_location_verified,
    -- dates
    source.visit_date,
    -- amounts and rates
    source.stated_monthly_income_amount
from {{ source('contact_center', 'contact_center__revisit_outcome') }} as source
where {{ in_effect('source', 'contact_center__revisit_outcome') }}
