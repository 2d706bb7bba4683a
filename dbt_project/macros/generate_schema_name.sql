{# Schemas are named by the project, not by the developer: BI tools rely on them. #}
{% macro generate_schema_name(custom_schema_name, node) %}{{ custom_schema_name or target.schema }}{% endmacro %}
