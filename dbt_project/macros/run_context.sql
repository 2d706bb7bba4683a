{#
  The run that is being computed. The only place that reads the environment: see include/dbt.py.
  Not while the project is parsed: dbt would parse every model again whose environment is another than the time before.
#}
{% macro of_run(name, otherwise) %}
    {{- return(env_var("POSTLOAN_" ~ name, otherwise) if execute else otherwise) -}}
{% endmacro %}

{% macro run_id() %}'{{ of_run("RUN_ID", "0000000000000000") }}'{% endmacro %}

{% macro run_attempt() %}{{ of_run("RUN_ATTEMPT", "0") | int }}{% endmacro %}

{% macro business_date() %}date '{{ of_run("BUSINESS_DATE", "2000-01-01") }}'{% endmacro %}

{# Empty when the run has no base: nothing has ever been published before its date. #}
{% macro base_run_id() %}'{{ of_run("BASE_RUN_ID", "") }}'{% endmacro %}

{% macro base_business_date() %}date '{{ of_run("BASE_BUSINESS_DATE", "0001-01-01") }}'{% endmacro %}

{% macro base_known_date() %}date '{{ of_run("BASE_KNOWN_DATE", "0001-01-01") }}'{% endmacro %}

{# all_loans: every loan is written (keyframe). is_rebuild: and every loan counts as touched. #}
{% macro all_loans() %}{{ return(of_run("ALL_LOANS", "true") == "true") }}{% endmacro %}

{% macro is_rebuild() %}{{ return(of_run("IS_REBUILD", "false") == "true") }}{% endmacro %}

{% macro assert_writer() %}
    {%- if execute %}select ops.assert_writer({{ run_id() }}, {{ run_attempt() }}){% endif -%}
{% endmacro %}
