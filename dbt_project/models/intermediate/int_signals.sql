-- One row per touched live loan and signal that has something to say, now or on a date known already. A new signal is
-- one SQL file, one line here and one policy row. The files are ephemeral: all signals are one statement.
{% set signals = [
    'int_signal__missed_instalment',
    'int_signal__sliding_back',
    'int_signal__partial_payment',
    'int_signal__first_payment_default',
    'int_signal__promise_broken',
    'int_signal__hardship',
    'int_signal__unreachable',
    'int_signal__autodebit_failed',
    'int_signal__balance_below_instalment',
    'int_signal__salary_stopped',
    'int_signal__income_drop',
    'int_signal__income_stale',
    'int_signal__bureau_score_drop',
    'int_signal__delinquent_elsewhere',
    'int_signal__debt_growth',
    'int_signal__inquiry_burst',
    'int_signal__litigation',
    'int_signal__business_distress',
    'int_signal__fund_use_suspect',
] %}

with observations as (
    {% for signal in signals %}
    select
        loan_id,
        signal_code,
        observed_value,
        observed_date,
        meets_raise,
        meets_clear,
        changes_on
    from {{ ref(signal) }}
    where meets_raise or not meets_clear or changes_on is not null
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

thresholds as (
    select * from {{ policy('signal') }} as signal
),

severities as (
    select * from {{ policy('signal_severity') }} as severity
),

positions as (
    select * from {{ ref('int_loan_position') }}
)

select
    observations.loan_id,
    observations.signal_code,
    observations.observed_value,
    observations.observed_date,
    thresholds.raise_threshold,
    thresholds.clear_threshold,
    observations.meets_raise,
    observations.meets_clear,
    severity_now.severity,
    -- an open signal may grow worse by time alone
    least(observations.changes_on, severity_later.change_date) as changes_on
from observations
join thresholds on observations.signal_code = thresholds.signal_code
join positions on observations.loan_id = positions.loan_id
left join lateral (
    select severities.severity
    from severities
    where
        (observations.meets_raise or not observations.meets_clear)
        and severities.signal_code = observations.signal_code
        and severities.from_days_past_due <= coalesce({{ business_date() }} - positions.oldest_unpaid_due_date, 0)
    order by severities.from_days_past_due desc
    limit 1
) as severity_now on true
left join lateral (
    select positions.oldest_unpaid_due_date + min(severities.from_days_past_due) as change_date
    from severities
    where
        (observations.meets_raise or not observations.meets_clear)
        and severities.signal_code = observations.signal_code
        and severities.from_days_past_due > {{ business_date() }} - positions.oldest_unpaid_due_date
) as severity_later on true
