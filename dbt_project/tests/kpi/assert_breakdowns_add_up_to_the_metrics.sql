-- The rating, the channels and the loss reasons tell of the same deals as the period mart.
with counted as (

  select
    period_grain,
    period_start,
    metric_code,
    sum(value) as value
  from {{ ref('mart_kpi__period') }}
  where metric_code in ('leads_created', 'deals_created', 'deals_won', 'revenue_won', 'deals_lost', 'calls_successful')
  group by period_grain, period_start, metric_code

),

broken_down as (

  {% set shown = {
    'mart_kpi__manager_rating': ['leads_created', 'deals_created', 'deals_won', 'revenue_won', 'calls_successful'],
    'mart_kpi__channel_economics': ['leads_created', 'deals_created', 'deals_won', 'revenue_won'],
    'mart_kpi__loss_reasons': ['deals_lost'],
  } -%}
  {% for mart, metrics in shown.items() -%}
    {% set is_last_mart = loop.last -%}
    {% for metric_code in metrics -%}
      select
        '{{ mart }}' as mart,
        period_grain,
        period_start,
        '{{ metric_code }}' as metric_code,
        sum({{ metric_code }}) as value
      from {{ ref(mart) }}
      group by period_grain, period_start
      {% if not (is_last_mart and loop.last) %}union all{% endif %}
    {% endfor -%}
  {% endfor %}

),

marts as (

  select distinct
    mart,
    metric_code
  from broken_down

),

expected as (

  select
    marts.mart,
    counted.period_grain,
    counted.period_start,
    counted.metric_code,
    counted.value as metric_value
  from counted
  inner join marts on counted.metric_code = marts.metric_code

)

select
  broken_down.*,
  expected.metric_value
from expected
full join broken_down using (mart, period_grain, period_start, metric_code)
where coalesce(expected.metric_value, 0) <> coalesce(broken_down.value, 0)
