{# What the base shows of the touched loans: the rows of a per-loan data set that this run replaces. #}
{% macro former_rows(data_set) %}
    (
        select stored.*
        from (
            select distinct on (touched.loan_id) touched.loan_id, earlier.business_date, earlier.run_id
            from {{ ref('int_touched_loans') }} as touched
            join published.touched_loan as earlier on touched.loan_id = earlier.loan_id
            join ops.run_chain as chain
                on
                    chain.run_id = {{ base_run_id() }}
                    and earlier.run_id = chain.ancestor_run_id
                    and earlier.business_date = chain.ancestor_business_date
            order by touched.loan_id asc, chain.depth asc
        ) as last_touch
        join published.{{ data_set }} as stored
            on
                last_touch.business_date = stored.business_date
                and last_touch.run_id = stored.run_id
                and last_touch.loan_id = stored.loan_id
    )
{% endmacro %}
