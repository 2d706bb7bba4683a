{# Every loan that any pinned source mentions. #}
{% macro every_loan() %}
    select loan_id from {{ ref('stg_core_banking__loan_contracts') }}
    union
    select loan_id from {{ ref('stg_core_banking__repayment_schedules') }}
    union
    select loan_id from {{ ref('stg_payments__repayment_transactions') }}
{% endmacro %}
