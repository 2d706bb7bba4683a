-- One row per promise: what a borrower promised to pay and by when.
select
    -- ids
    source.promise_id,
    source.loan_id,
    source.contact_id,
    -- codes
    source.currency,
    -- flags
    source.is_withdrawn,
    -- dates
    source.made_date,
    source.promised_date,
    -- amounts and rates
    source.promised_amount
from {{ source('contact_center', 'contact_center__promise_to_pay') }} as source
where {{ in_effect('source', 'contact_center__promise_to_pay') }}
