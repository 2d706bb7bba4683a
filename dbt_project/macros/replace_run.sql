{# Incremental strategy: the rows of this run, and of no other, are replaced. A re-run writes the same rows again. #}
{% macro get_incremental_replace_run_sql(arg_dict) %}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="quoted") | join(", ") -%}
    delete from {{ arg_dict["target_relation"] }}
    where business_date = {{ business_date() }} and run_id = {{ run_id() }};
    insert into {{ arg_dict["target_relation"] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict["temp_relation"] }}
{% endmacro %}
