{#
  Which rows of a raw table a run sees: those of its pinned batches, not from after its dates, and not superseded by a
  row of a pinned batch. Supersession is a row of its own and counts only where its batch is pinned.

  Which run, the session says (include/warehouse/connection.py), so that the text of a staging view is the same for all.
  The planner reads such a setting when it estimates, as it would read a constant.
#}
{% macro in_effect(row, table) %}
    {{ in_effect_at(
        row,
        table,
        "current_setting('postloan.run_id', true)",
        "current_setting('postloan.business_date', true)::date",
        "current_setting('postloan.known_date', true)::date",
    ) }}
{% endmacro %}

{% macro in_effect_in_base(row, table) %}
    {{ in_effect_at(row, table, base_run_id(), base_business_date(), base_known_date()) }}
{% endmacro %}

{% macro in_effect_at(row, table, run, at, known) %}
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
