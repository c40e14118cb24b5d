{% macro metric_parts(shown) -%}
  {#- Which event metrics the metrics of a CTE are made of, from it and the CTE metrics (dim_metrics): above the line and
      below it of a ratio; of an event metric itself above. -#}
  select
    {{ shown }}.metric_code,
    events.metric_code as part_code,
    case
      when events.metric_code = coalesce({{ shown }}.numerator, {{ shown }}.metric_code) then 1
      else 0
    end as in_numerator,
    case
      when {{ shown }}.kind = 'ratio' and '+' || {{ shown }}.denominator || '+' like '%+' || events.metric_code || '+%' then 1
      else 0
    end as in_denominator
  from {{ shown }}
  inner join metrics as events
    on
      events.kind = 'event'
      and (
        coalesce({{ shown }}.numerator, {{ shown }}.metric_code) = events.metric_code
        or ({{ shown }}.kind = 'ratio' and '+' || {{ shown }}.denominator || '+' like '%+' || events.metric_code || '+%')
      )
{%- endmacro %}
