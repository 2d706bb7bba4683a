{#
  Of each touched loan the run of the base's chain that computed it last: (loan_id, business_date, run_id). Join published
  tables on all three: their keys begin with them, so each loan's rows are looked up, whatever the server expects here.
#}
{% macro former_touches() %}
    (
        select distinct on (touched.loan_id) touched.loan_id, earlier.business_date, earlier.run_id
        from {{ ref('int_touched_loans') }} as touched
        join published.touched_loan as earlier on touched.loan_id = earlier.loan_id
        join ops.run_chain as chain
            on
                chain.run_id = {{ base_run_id() }}
                and earlier.run_id = chain.ancestor_run_id
                and earlier.business_date = chain.ancestor_business_date
        order by touched.loan_id asc, chain.depth asc
    )
{% endmacro %}
