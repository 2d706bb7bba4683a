{# One number of the policy borrower_profile_rule. #}
{% macro profile_rule(code) %}
    (
        select rule.rule_value
        from {{ policy('borrower_profile_rule') }} as rule
        where rule.rule_code = '{{ code }}'
    )
{% endmacro %}
