{%- set measures = telephony_measures() -%}
with hours as (

  select * from {{ ref('int_telephony__hours') }}

),

calls as (

  select * from {{ ref('fct_calls') }}

),

missed as (

  select * from {{ ref('fct_missed_calls') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

period_days as (

  select * from {{ ref('int_calendar__period_days') }}
  where compared_with in ('own', 'previous')

),

managers as (

  select * from {{ ref('dim_managers') }}

),

days as (

  select
    call_date,
    manager_id,
    {%- for measure in measures %}
      cast(sum({{ measure }}) as bigint) as {{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from hours
  group by call_date, manager_id

),

measured as (

  {{ measured_calls() }}

),

-- A closed period compares with the whole one before it; a running one with the same stretch of it, cut by the moment.
whole_days as (

  select
    period_days.period_grain,
    period_days.period_start,
    days.manager_id,
    {%- for measure in measures %}
      coalesce(sum(days.{{ measure }}) filter (where period_days.compared_with = 'own'), 0) as {{ measure }},
      coalesce(sum(days.{{ measure }}) filter (where period_days.compared_with = 'previous'), 0)
        as previous_{{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from period_days
  inner join days on period_days.day = days.call_date
  where period_days.compared_with = 'own' or not period_days.is_current
  group by period_days.period_grain, period_days.period_start, days.manager_id

),

cuts as (

  select
    period_grain,
    period_start,
    previous_start,
    previous_to_date_until,
    {{ local_date('previous_to_date_until') }} as cut_day
  from periods
  where is_current

),

-- Before the day of the cut whole days count, on it single calls.
previous_stretch as (

  select
    cuts.period_grain,
    cuts.period_start,
    days.manager_id,
    {%- for measure in measures %}
      days.{{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from cuts
  inner join days on cuts.previous_start <= days.call_date and cuts.cut_day > days.call_date
  union all
  select
    cuts.period_grain,
    cuts.period_start,
    measured.manager_id,
    {%- for measure in measures %}
      measured.{{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from cuts
  inner join measured
    on
      {{ local_midnight('cuts.cut_day') }} <= measured.started_at
      and cuts.previous_to_date_until > measured.started_at

),

-- People who work here and ever called: zeros in the running and the last closed period, so that a quiet morning is 0.
quiet as (

  select
    periods.period_grain,
    periods.period_start,
    managers.manager_id
  from periods
  cross join managers
  where
    periods.period_choice_sort <= 1
    and managers.is_active
    and managers.manager_id <> 0
    and managers.manager_id in (select days.manager_id from days)

),

parts as (

  select * from whole_days
  union all
  select
    period_grain,
    period_start,
    manager_id,
    {%- for measure in measures %}
      0 as {{ measure }},
      {{ measure }} as previous_{{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from previous_stretch
  union all
  select
    period_grain,
    period_start,
    manager_id,
    {%- for measure in measures %}
      0 as {{ measure }},
      0 as previous_{{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from quiet

),

summed as (

  select
    period_grain,
    period_start,
    manager_id,
    {%- for measure in measures %}
      cast(sum({{ measure }}) as bigint) as {{ measure }},
      cast(sum(previous_{{ measure }}) as bigint) as previous_{{ measure }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from parts
  group by period_grain, period_start, manager_id

),

final as (

  select
    {{ period_columns() }},
    summed.manager_id,
    managers.manager,
    managers.department,
    'Без воронки' as pipeline,
    'Без канала' as channel,
    {%- for measure in measures %}
      summed.{{ measure }},
      summed.previous_{{ measure }}
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
