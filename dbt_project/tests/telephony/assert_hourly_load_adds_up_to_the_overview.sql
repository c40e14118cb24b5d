-- Hours and weekdays of a period and manager add up to the period.
{%- set measures = ['inbound', 'inbound_answered', 'missed', 'outbound', 'outbound_successful', 'callbacks', 'talks'] %}
with hours as (

  select
    period_grain,
    period_start,
    manager_id,
    {%- for measure in measures %}
      sum({{ measure }}) as {{ measure }},
    {%- endfor %}
    sum(calls) as calls
  from {{ ref('mart_telephony__hourly_load') }}
  group by period_grain, period_start, manager_id

),

periods as (

  select * from {{ ref('mart_telephony__overview') }}

)

select
  periods.period_grain,
  periods.period_start,
  periods.manager_id
from periods
full join hours using (period_grain, period_start, manager_id)
where
  periods.inbound + periods.outbound + periods.callbacks <> coalesce(hours.calls, 0)
  {%- for measure in measures %}
    or coalesce(periods.{{ measure }}, 0) <> coalesce(hours.{{ measure }}, 0)
  {%- endfor %}
