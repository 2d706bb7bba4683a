{# The run that is being computed. The only place that reads the environment: see include/dbt.py. #}

{% macro run_id() %}'{{ env_var("POSTLOAN_RUN_ID", "0000000000000000") }}'{% endmacro %}

{% macro run_attempt() %}{{ env_var("POSTLOAN_RUN_ATTEMPT", "0") | int }}{% endmacro %}

{% macro business_date() %}date '{{ env_var("POSTLOAN_BUSINESS_DATE", "2000-01-01") }}'{% endmacro %}

{# Empty when the run has no base: nothing has ever been published before its date. #}
{% macro base_run_id() %}'{{ env_var("POSTLOAN_BASE_RUN_ID", "") }}'{% endmacro %}

{% macro base_business_date() %}date '{{ env_var("POSTLOAN_BASE_BUSINESS_DATE", "0001-01-01") }}'{% endmacro %}

{% macro base_known_date() %}date '{{ env_var("POSTLOAN_BASE_KNOWN_DATE", "0001-01-01") }}'{% endmacro %}

{# all_loans: every loan is written (keyframe). is_rebuild: and every loan counts as touched. #}
{% macro all_loans() %}{{ return(env_var("POSTLOAN_ALL_LOANS", "true") == "true") }}{% endmacro %}

{% macro is_rebuild() %}{{ return(env_var("POSTLOAN_IS_REBUILD", "false") == "true") }}{% endmacro %}

{% macro assert_writer() %}
    {%- if execute %}select ops.assert_writer({{ run_id() }}, {{ run_attempt() }}){% endif -%}
{% endmacro %}
