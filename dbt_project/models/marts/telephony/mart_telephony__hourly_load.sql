{%- set measures = [
  'inbound', 'inbound_answered', 'missed', 'outbound', 'outbound_successful', 'callbacks', 'talks', 'talk_seconds',
] -%}
with hours as (

  select * from {{ ref('int_telephony__hours') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

period_days as (

  select * from {{ ref('int_calendar__period_days') }}
  where compared_with = 'own'

),

managers as (

  select * from {{ ref('dim_managers') }}

),

summed as (

  select
    period_days.period_grain,
    period_days.period_start,
    hours.manager_id,
    cast(extract(isodow from hours.call_date) as integer) as weekday,
    hours.call_hour,
    {%- for measure in measures %}
      cast(sum(hours.{{ measure }}) as bigint) as {{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from hours
  inner join period_days on hours.call_date = period_days.day
  group by
    period_days.period_grain,
    period_days.period_start,
    hours.manager_id,
    extract(isodow from hours.call_date),
    hours.call_hour

),

final as (

  select
    {{ period_columns() }},
    summed.manager_id,
    managers.manager,
    managers.department,
    'Без воронки' as pipeline,
    'Без канала' as channel,
    summed.weekday,
    (array['Пн', 'Вт', 'Ср', 'Чт', 'Пт', 'Сб', 'Вс'])[summed.weekday] as weekday_label,
    summed.call_hour,
    lpad(cast(summed.call_hour as text), 2, '0') || ':00' as hour_label,
    summed.inbound + summed.outbound + summed.callbacks as calls,
    {%- for measure in measures %}
      summed.{{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from summed
  inner join periods
    on
      summed.period_grain = periods.period_grain
      and summed.period_start = periods.period_start
  inner join managers on summed.manager_id = managers.manager_id

)

select * from final
order by period_grain_sort, period_choice_sort
