{# One number of the policy signal_parameter. #}
{% macro signal_parameter(signal, parameter) -%}
    (
        select parameter.parameter_value::integer
        from {{ policy('signal_parameter') }} as parameter
        where parameter.signal_code = '{{ signal }}' and parameter.parameter_code = '{{ parameter }}'
    )
{%- endmacro %}

{#
  Up to which date a system has delivered, as the run knows it. Signals that time alone raises or clears measure up to
  here, not up to the business date: silence of the borrower is not told from silence of the source, so while a source
  is late its signals stand as last observed. Null, and therefore no row, when the system has never delivered.
#}
{% macro data_as_of(system) -%}
    (
        select source.data_as_of
        from ops.run_source as source
        where source.run_id = {{ run_id() }} and source.system = '{{ system }}'
    )
{%- endmacro %}

{#
  When a row moves by time alone: on the first of these dates that lies after `as_of`. Where `as_of` lags behind the
  business date and the date has passed, the row moves as soon as the source has caught up, so it is looked at daily.
#}
{% macro moves_on(dates, as_of=none) -%}
    {%- set as_of = as_of or business_date() -%}
    least(
        {%- for date in dates %}
        case when {{ date }} > {{ as_of }} then greatest({{ date }}, {{ business_date() }} + 1) end
        {{- "," if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
