with features as (
    select * from {{ ref('int_loan_features') }}
),

segments as (
    -- models that are trained and judged only take no loan from the one that scores it
    select * from {{ policy('risk_segment') }} as segment
    where is_scored
)

select
    {{ business_date() }} as business_date,
    {{ run_id() }}::text as run_id,
    features.loan_id,
    features.product_code,
    features.currency,
    segments.model_code,
    segments.segment_code,
    features.days_past_due,
    features.late_days_max_90d,
    features.late_days_max_ever,
    features.late_count_180d,
    features.days_since_late,
    features.paid_percent_90d,
    features.habit_days,
    features.paid_instalment_count,
    features.bureau_score,
    features.bureau_inquiry_count_90d,
    features.bureau_lender_count,
    features.bureau_used_percent,
    features.debit_failed_count_60d,
    features.days_since_salary
from features
join segments
    on
        features.observed_days_past_due >= segments.from_days_past_due
        and features.observed_days_past_due <= coalesce(segments.to_days_past_due, features.observed_days_past_due)
        and coalesce(segments.was_ever_late, features.observed_late_days_max_ever > 0)
        = (features.observed_late_days_max_ever > 0)
