with signals as (
    select * from {{ ref('int_signals') }}
)

select
    {{ business_date() }} as business_date,
    {{ run_id() }}::text as run_id,
    loan_id,
    signal_code,
    observed_value::numeric(18, 2) as observed_value,
    observed_date,
    raise_threshold::numeric(18, 2) as raise_threshold,
    clear_threshold::numeric(18, 2) as clear_threshold,
    meets_raise,
    meets_clear,
    severity
from signals
where meets_raise or not meets_clear
