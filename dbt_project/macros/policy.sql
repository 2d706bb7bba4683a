{# The rows of a policy that are valid on the business date. #}
{% macro policy(name) %}
    (
        select * from {{ ref(name) }}
        where valid_from <= {{ business_date() }} and coalesce(valid_to, date '9999-12-31') >= {{ business_date() }}
    )
{% endmacro %}

{# One number of the policy position_rule. #}
{% macro position_rule(code) %}
    (select rule.rule_value from {{ policy('position_rule') }} as rule where rule.rule_code = '{{ code }}')
{% endmacro %}
