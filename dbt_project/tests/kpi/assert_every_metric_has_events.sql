-- A metric that never happened is either not kept in this portal or not read: say which with the variable
-- metrics_rightly_empty (a list of codes), or mend the reading.
{{ config(tags=['nightly'], severity='warn') }}

with metrics as (

  select * from {{ ref('dim_metrics') }}

),

events as (

  select * from {{ ref('fct_metric_events') }}

)

select metrics.metric_code
from metrics
left join events on metrics.metric_code = events.metric_code
where
  metrics.kind = 'event'
  and events.metric_code is null
{% for metric_code in var('metrics_rightly_empty', []) -%}
  and metrics.metric_code <> '{{ metric_code }}'
{% endfor %}
