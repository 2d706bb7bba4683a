-- Coverage by amount: what the detectors found of the draws of live loans. Additive cells: the base's cells, less what
-- the touched loans were, plus what they are; recomputed in full at each keyframe.
-- depends_on: {{ ref('int_touched_loans') }}, {{ ref('loan_position') }}, {{ ref('use_of_proceeds_check') }}
{% set sides = [('new', 1)] if all_loans() else [('new', 1), ('former', -1)] %}

-- the rows of this run, from where the server has counted them
with new_positions as (
    select * from {{ ref('int_loan_position') }}
),

new_checks as (
    select * from {{ ref('int_fund_use_checks') }}
),

cells as (
    {% for side, sign in sides %}
    -- a loan of which no draw was delivered was not looked at: it counts with its principal
    select
        positions.product_code,
        positions.branch_code,
        coalesce(checks.currency, positions.currency) as currency,
        coalesce(checks.purpose_code, 'UNKNOWN') as purpose_code,
        coalesce(checks.detector_code, 'ALL') as detector_code,
        coalesce(checks.result_code, 'NO_DRAW_RECORD') as result_code,
        {{ sign }} as draw_count,
        {{ sign }} * coalesce(checks.draw_amount, positions.principal_amount) as draw_amount,
        {{ sign }} * coalesce(checks.traced_amount, 0) as traced_amount,
        {{ sign }} * coalesce(checks.suspect_amount, 0) as suspect_amount
    {% if side == 'new' %}
    from new_positions as positions
    left join new_checks as checks on positions.loan_id = checks.loan_id
    {% else %}
    from {{ former_touches() }} as touches
    join published.loan_position as positions
        on
            touches.business_date = positions.business_date
            and touches.run_id = positions.run_id
            and touches.loan_id = positions.loan_id
    left join published.use_of_proceeds_check as checks
        on
            touches.business_date = checks.business_date
            and touches.run_id = checks.run_id
            and touches.loan_id = checks.loan_id
    {% endif %}
    where positions.is_live
    union all
    {% endfor %}
    select
        product_code,
        branch_code,
        currency,
        purpose_code,
        detector_code,
        result_code,
        draw_count,
        draw_amount,
        traced_amount,
        suspect_amount
    from published.kpi_fund_use_daily
    where
        {{ 'false' if all_loans() else 'true' }}
        and business_date = {{ base_business_date() }}
        and run_id = {{ base_run_id() }}
)

select
    {{ business_date() }} as business_date,
    {{ run_id() }}::text as run_id,
    product_code,
    branch_code,
    currency,
    purpose_code,
    detector_code,
    result_code,
    sum(draw_count)::integer as draw_count,
    sum(draw_amount)::numeric(18, 2) as draw_amount,
    sum(traced_amount)::numeric(18, 2) as traced_amount,
    sum(suspect_amount)::numeric(18, 2) as suspect_amount
from cells
group by product_code, branch_code, currency, purpose_code, detector_code, result_code
having sum(draw_count) <> 0 or sum(draw_amount) <> 0 or sum(traced_amount) <> 0 or sum(suspect_amount) <> 0
