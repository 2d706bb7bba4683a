{#
  The rows of this run in a published table, and of no other, are replaced: a re-run writes the same rows again.
  `postloan migrate` makes the tables from the same contracts, so nothing is asked about them here: dbt's `incremental`
  would make a temporary table and compare columns first (measured: half as long again for a day's marts).
  A column that the model lacks is an error; one that no contract knows fails a test (tests/integration/test_runs.py).
#}
{% materialization run_rows, adapter="postgres" %}
    {%- set columns = model.columns.keys() | map("lower") | join(", ") -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement("main") -%}
        delete from {{ this }} where business_date = {{ business_date() }} and run_id = {{ run_id() }};
        insert into {{ this }} ({{ columns }})
        select {{ columns }} from (
            {{ sql }}
        ) as run_rows
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ return({"relations": [this]}) }}
{% endmaterialization %}
