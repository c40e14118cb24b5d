{#- What is counted and summed of the journeys that reached a step; of its neighbours `entered` is carried over. Counts
    stay integers on the way, whose sums are many times cheaper than those of bigint and numeric. -#}
{%- set counts = ['went_on', 'lost', 'still_open', 'won', 'skipped', 'days_count', 'days_from_start_count'] -%}
{%- set sums = ['days_sum', 'days_from_start_sum'] -%}
{%- set dimensions = [
  'view_kind', 'period_grain', 'period_start', 'entry_code', 'step_number', 'manager_id', 'channel',
] -%}

{{ config(pre_hook="set local work_mem = '128MB'") }}

with journey_steps as (

  select * from {{ ref('fct_journey_steps') }}

),

steps as (

  select * from {{ ref('int_funnel__steps') }}

),

period_days as (

  select * from {{ ref('int_calendar__period_days') }}
  where compared_with = 'own'

),

periods as (

  select * from {{ ref('dim_periods') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

measured as (

  select
    entry_code,
    step_number,
    started_date,
    reached_date,
    start_manager_id,
    manager_id,
    channel,
    1 as entered,
    case when is_furthest then 0 else 1 end as went_on,
    case when is_furthest and status_code = 'lost' then 1 else 0 end as lost,
    case when is_furthest and status_code = 'open' then 1 else 0 end as still_open,
    case when is_furthest and status_code = 'won' then 1 else 0 end as won,
    case when is_skipped then 1 else 0 end as skipped,
    coalesce(days_from_previous, 0) as days_sum,
    case when days_from_previous is not null then 1 else 0 end as days_count,
    coalesce(days_from_start, 0) as days_from_start_sum,
    case when days_from_start is not null then 1 else 0 end as days_from_start_count
  from journey_steps

),

-- By cohort a step counts where its journey began and with whom; by period where it was reached, and with whom.
viewed as (

  select
    'Когорта' as view_kind,
    started_date as day,
    start_manager_id as whose_id,
    measured.*
  from measured
  union all
  select
    'Период' as view_kind,
    reached_date as day,
    manager_id as whose_id,
    measured.*
  from measured

),

daily as (

  select
    view_kind,
    day,
    entry_code,
    step_number,
    whose_id as manager_id,
    channel,
    cast(sum(entered) as integer) as entered,
    {%- for column in counts %}
      cast(sum({{ column }}) as integer) as {{ column }},
    {%- endfor %}
    {%- for column in sums %}
      sum({{ column }}) as {{ column }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from viewed
  group by view_kind, day, entry_code, step_number, whose_id, channel

),

by_period as (

  select
    daily.view_kind,
    period_days.period_grain,
    period_days.period_start,
    daily.entry_code,
    daily.step_number,
    daily.manager_id,
    daily.channel,
    cast(sum(daily.entered) as integer) as entered,
    {%- for column in counts %}
      cast(sum(daily.{{ column }}) as integer) as {{ column }},
    {%- endfor %}
    {%- for column in sums %}
      sum(daily.{{ column }}) as {{ column }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from period_days
  inner join daily on period_days.day = daily.day
  group by
    daily.view_kind,
    period_days.period_grain,
    period_days.period_start,
    daily.entry_code,
    daily.step_number,
    daily.manager_id,
    daily.channel

),

-- Each step beside the one before it and the first one of its entry, so that filters leave Σ / Σ correct. The first
-- step has itself before it.
parts as (

  select
    {{ dimensions | join(',\n    ') }},
    entered,
    case when step_number = 1 then entered else 0 end as previous_entered,
    0 as first_entered,
    {%- for column in counts + sums %}
      {{ column }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from by_period
  union all
  select
    by_period.view_kind,
    by_period.period_grain,
    by_period.period_start,
    by_period.entry_code,
    steps.step_number,
    by_period.manager_id,
    by_period.channel,
    0 as entered,
    case when steps.step_number = by_period.step_number + 1 then by_period.entered else 0 end as previous_entered,
    case when by_period.step_number = 1 then by_period.entered else 0 end as first_entered,
    {%- for column in counts + sums %}
      0 as {{ column }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from by_period
  inner join steps on by_period.entry_code = steps.entry_code
  where by_period.step_number = 1 or steps.step_number = by_period.step_number + 1

),

summed as (

  select
    {{ dimensions | join(',\n    ') }},
    sum(entered) as entered,
    sum(previous_entered) as previous_entered,
    sum(first_entered) as first_entered,
    {%- for column in counts + sums %}
      sum({{ column }}) as {{ column }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from parts
  group by {{ dimensions | join(', ') }}

),

final as (

  select
    {{ period_columns() }},
    summed.view_kind,
    case summed.view_kind when 'Когорта' then 1 else 2 end as view_kind_sort,
    steps.entry,
    steps.entry_sort,
    steps.step_code,
    steps.step,
    summed.step_number,
    summed.step_number || '. ' || steps.step as step_label,
    steps.is_last as is_last_step,
    summed.manager_id,
    coalesce(managers.manager, 'Без ответственного') as manager,
    coalesce(managers.department, 'Без отдела') as department,
    '—' as pipeline,
    summed.channel,
    summed.entered,
    summed.previous_entered,
    summed.first_entered,
    {%- for column in counts + sums %}
      summed.{{ column }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from summed
  inner join steps on summed.entry_code = steps.entry_code and summed.step_number = steps.step_number
  inner join periods
    on
      summed.period_grain = periods.period_grain
      and summed.period_start = periods.period_start
  left join managers on summed.manager_id = managers.manager_id

)

select * from final
order by period_grain_sort, period_choice_sort
