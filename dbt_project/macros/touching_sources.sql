{#
  The sources whose rows touch somebody, as `touches` of their contracts says. A table that touches nothing (balances,
  officers) is on neither list. A new source is one more name here; a test compares the lists with the contracts.
#}
{% macro loan_sources() %}
    {{ return([
        "core_banking__disbursement",
        "core_banking__forbearance_event",
        "core_banking__loan_contract",
        "core_banking__loan_origination",
        "core_banking__repayment_schedule",
        "payments__repayment_transaction",
        "documents__use_of_proceeds_evidence",
        "contact_center__promise_to_pay",
    ]) }}
{% endmacro %}

{% macro borrower_sources() %}
    {{ return([
        "customer__borrower",
        "customer__income_employment_refresh",
        "bureau__bureau_report",
        "bureau__bureau_tradeline",
        "accounts__account_transaction",
        "public_records__litigation_record",
        "public_records__business_registration",
        "contact_center__contact_event",
        "contact_center__revisit_outcome",
    ]) }}
{% endmacro %}

{# Each of them with the column that names whom it touches. #}
{% macro touching_sources() %}
    {%- set pairs = [] -%}
    {%- for table in loan_sources() %}{% do pairs.append((table, "loan_id")) %}{% endfor -%}
    {%- for table in borrower_sources() %}{% do pairs.append((table, "borrower_id")) %}{% endfor -%}
    {{ return(pairs) }}
{% endmacro %}
