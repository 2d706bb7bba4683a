{#
  Which rows of a raw table a run sees: those of its pinned batches, not from after its dates, and not superseded by a
  row of a pinned batch. Supersession is a row of its own and counts only where its batch is pinned.
#}
{% macro in_effect(row, table, run=none, at=none, known=none) %}
    {%- set run = run or run_id() -%}
    {%- set at = at or business_date() -%}
    {%- set known = known or known_date() -%}
    {{ row }}._batch_id in (select input.batch_id from ops.run_input as input where input.run_id = {{ run }})
    and {{ row }}._business_date <= {{ at }}
    and {{ row }}._known_date <= {{ known }}
    and not exists (
        select 1
        from raw.{{ table }}__superseded as superseded
        where
            superseded._batch_id = {{ row }}._batch_id
            and superseded._line_no = {{ row }}._line_no
            and superseded._superseded_date <= {{ at }}
            and superseded._superseded_by_batch_id in (
                select input.batch_id from ops.run_input as input where input.run_id = {{ run }}
            )
    )
{% endmacro %}

{% macro in_effect_in_base(row, table) %}
    {{ in_effect(row, table, base_run_id(), base_business_date(), base_known_date()) }}
{% endmacro %}
