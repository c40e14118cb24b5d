{#- The funnel: which ways a journey may begin, and the steps of portals that have not said theirs. -#}

{% macro funnel_entries() -%}
  {#- Entries in the order of the dashboards: code of the seed, label. -#}
  {{ return([
    ('lead', 'Лид'), ('request', 'Заявка'), ('active', 'Активная'), ('repeat', 'Повторная'),
  ]) }}
{%- endmacro %}


{% macro default_funnel_steps() -%}
  {#- By entry (code, label, metric): what every portal has. -#}
  {%- set bought = [('won', 'Сделка успешна', 'deals_won'), ('payment', 'Оплата', 'payments_received')] -%}
  {{ return({
    'lead': [
      ('lead', 'Лид', 'leads_created'),
      ('qualified', 'Квалифицирован', 'leads_qualified'),
      ('deal', 'Сделка создана', 'deals_created'),
    ] + bought,
    'request': [('request', 'Заявка', 'deals_created')] + bought,
    'active': [('deal', 'Сделка создана', 'deals_created')] + bought,
    'repeat': [('deal', 'Сделка создана', 'deals_created')] + bought,
  }) }}
{%- endmacro %}


{% macro is_stage_of_line(line, stage, pipeline) -%}
  {#- Condition of a join: a stage of the dictionary is meant by a line of the funnel's steps, whose pipeline, where it
      names one, is known as `pipeline`. -#}
  {{ line }}.card = {{ stage }}.entity
      and ({{ line }}.pipeline is null or {{ pipeline }}.pipeline_id = {{ stage }}.pipeline_id)
      and (
        {{ line }}.stage is null
        or {{ line }}.stage in ({{ stage }}.stage_id, {{ stage }}.stage)
        or lower({{ line }}.stage) = {{ stage }}.semantic
      )
{%- endmacro %}


{% macro before(windows, moment) -%}
  {#- What of a multirange lies before a moment. -#}
  (({{ windows }}) * tstzmultirange(tstzrange(null, {{ moment }})))
{%- endmacro %}
