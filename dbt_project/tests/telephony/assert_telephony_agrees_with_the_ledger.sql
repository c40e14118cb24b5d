{{ config(tags=['nightly']) }}
-- What dashboard 2 counts of calls is what the ledger counts of them, by period and manager, and for the period before.
{%- set metric_of = {
  'inbound': 'calls_inbound',
  'inbound_answered': 'calls_inbound_answered',
  'missed': 'calls_missed',
  'outbound': 'calls_outbound',
  'outbound_successful': 'calls_outbound_successful',
} %}
with counted as (

  {% for measure, metric_code in metric_of.items() -%}
    select
      period_grain,
      period_start,
      manager_id,
      '{{ metric_code }}' as metric_code,
      {{ measure }} as value,
      previous_{{ measure }} as previous_value
    from {{ ref('mart_telephony__overview') }}
    union all
  {% endfor -%}
  select
    period_grain,
    period_start,
    manager_id,
    'talk_minutes' as metric_code,
    cast(talk_seconds as numeric) / 60 as value,
    cast(previous_talk_seconds as numeric) / 60 as previous_value
  from {{ ref('mart_telephony__overview') }}

),

ledger as (

  select
    period_grain,
    period_start,
    manager_id,
    metric_code,
    sum(value) as value,
    sum(previous_to_date_value) as previous_value
  from {{ ref('mart_kpi__period') }}
  where metric_code in ({{ quoted_list(metric_of.values() | list) }}, 'talk_minutes')
  group by period_grain, period_start, manager_id, metric_code

)

select
  counted.*,
  ledger.value as ledger_value,
  ledger.previous_value as ledger_previous_value
from counted
full join ledger using (period_grain, period_start, manager_id, metric_code)
where
  abs(coalesce(counted.value, 0) - coalesce(ledger.value, 0)) > 0.01
  or abs(coalesce(counted.previous_value, 0) - coalesce(ledger.previous_value, 0)) > 0.01
