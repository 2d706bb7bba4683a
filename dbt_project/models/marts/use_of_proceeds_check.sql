with checks as (
    select * from {{ ref('int_fund_use_checks') }}
)

select
    {{ business_date() }} as business_date,
    {{ run_id() }}::text as run_id,
    loan_id,
    draw_id,
    detector_code,
    borrower_id,
    draw_date,
    currency,
    draw_amount::numeric(18, 2) as draw_amount,
    purpose_code,
    payee_type_code,
    result_code,
    reason_code,
    threshold_amount::numeric(18, 2) as threshold_amount,
    traced_amount::numeric(18, 2) as traced_amount,
    suspect_amount::numeric(18, 2) as suspect_amount,
    verified_evidence_amount::numeric(18, 2) as verified_evidence_amount,
    is_evidence_wanted,
    evidence_due_date,
    movement_count,
    first_movement_date,
    last_movement_date,
    largest_movements
from checks
