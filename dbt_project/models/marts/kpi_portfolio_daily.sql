-- Additive cells: the base's cells, less what the touched loans were, plus what they are. Exact, because money is
-- numeric; recomputed in full at each keyframe.
-- depends_on: {{ ref('int_touched_loans') }}
with new_rows as (
    select * from {{ ref('loan_position') }}
    where business_date = {{ business_date() }} and run_id = {{ run_id() }}
),

target as (
    select target.target_rate
    from {{ policy('kpi_target') }} as target
    where target.kpi_code = 'npl_90p'
),

{% if not all_loans() %}
-- the base's fold of the touched loans
former_rows as (
    select stored.*
    from (
        select distinct on (touched.loan_id) touched.loan_id, earlier.business_date, earlier.run_id
        from {{ ref('int_touched_loans') }} as touched
        join published.touched_loan as earlier on earlier.loan_id = touched.loan_id
        join ops.run_chain as chain
            on
                chain.run_id = {{ base_run_id() }}
                and chain.ancestor_run_id = earlier.run_id
                and chain.ancestor_business_date = earlier.business_date
        order by touched.loan_id, chain.depth
    ) as last_touch
    join published.loan_position as stored
        on
            stored.business_date = last_touch.business_date
            and stored.run_id = last_touch.run_id
            and stored.loan_id = last_touch.loan_id
),

{% endif %}
cells as (
    {% set sides = [('new_rows', 1)] if all_loans() else [('new_rows', 1), ('former_rows', -1)] %}
    {% for relation, sign in sides %}
    select
        product_code,
        channel_code,
        branch_code,
        currency,
        delinquency_bucket,
        {{ sign }} as loan_count,
        {{ sign }} * principal_outstanding_amount as principal_outstanding_amount,
        {{ sign }} * past_due_amount as past_due_amount,
        case when delinquency_bucket in ('CURRENT', 'M1') then 0 else {{ sign }} * principal_outstanding_amount end
            as par30_principal_amount,
        case
            when delinquency_bucket in ('CURRENT', 'M1', 'M2', 'M3') then 0
            else {{ sign }} * principal_outstanding_amount
        end as npl_90p_principal_amount
    from {{ relation }}
    where is_live
    union all
    {% endfor %}
    select
        product_code,
        channel_code,
        branch_code,
        currency,
        delinquency_bucket,
        loan_count,
        principal_outstanding_amount,
        past_due_amount,
        par30_principal_amount,
        npl_90p_principal_amount
    from published.kpi_portfolio_daily
    where
        {{ 'false' if all_loans() else 'true' }}
        and business_date = {{ base_business_date() }}
        and run_id = {{ base_run_id() }}
)

select
    {{ business_date() }} as business_date,
    {{ run_id() }}::text as run_id,
    cells.product_code,
    cells.channel_code,
    cells.branch_code,
    cells.currency,
    cells.delinquency_bucket,
    sum(cells.loan_count)::integer as loan_count,
    sum(cells.principal_outstanding_amount)::numeric(18, 2) as principal_outstanding_amount,
    sum(cells.past_due_amount)::numeric(18, 2) as past_due_amount,
    sum(cells.par30_principal_amount)::numeric(18, 2) as par30_principal_amount,
    sum(cells.npl_90p_principal_amount)::numeric(18, 2) as npl_90p_principal_amount,
    target.target_rate::numeric(9, 6) as npl_90p_target_rate
from cells
cross join target
group by
    cells.product_code,
    cells.channel_code,
    cells.branch_code,
    cells.currency,
    cells.delinquency_bucket,
    target.target_rate
having
    sum(cells.loan_count) <> 0
    or sum(cells.principal_outstanding_amount) <> 0
    or sum(cells.past_due_amount) <> 0
