{{ config(pre_hook="set local work_mem = '256MB'") }}

with daily as (

  select * from {{ ref('mart_kpi__daily') }}

),

events as (

  select * from {{ ref('fct_metric_events') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

period_days as (

  select * from {{ ref('int_calendar__period_days') }}

),

metrics as (

  select * from {{ ref('dim_metrics') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

whole_windows as (

  select
    period_days.period_grain,
    period_days.period_start,
    daily.metric_code,
    daily.manager_id,
    daily.pipeline,
    daily.channel,
    period_days.compared_with,
    daily.value
  from period_days
  inner join daily on period_days.day = daily.event_date

),

-- Only the running periods are cut, and by the moment: of the day of the cut the events count, before it whole days.
cut_windows as (

  select
    period_grain,
    period_start,
    'previous_to_date' as compared_with,
    previous_start as first_day,
    previous_to_date_until as window_until,
    {{ local_date('previous_to_date_until') }} as cut_day
  from periods
  where is_current

  union all

  select
    period_grain,
    period_start,
    'year_ago_to_date' as compared_with,
    year_ago_start as first_day,
    year_ago_to_date_until as window_until,
    {{ local_date('year_ago_to_date_until') }} as cut_day
  from periods
  where is_current

),

days_to_date as (

  select
    cut_windows.period_grain,
    cut_windows.period_start,
    daily.metric_code,
    daily.manager_id,
    daily.pipeline,
    daily.channel,
    cut_windows.compared_with,
    daily.value
  from cut_windows
  inner join daily
    on
      cut_windows.first_day <= daily.event_date
      and cut_windows.cut_day > daily.event_date

),

cut_days as (

  select
    cut_windows.period_grain,
    cut_windows.period_start,
    events.metric_code,
    events.manager_id,
    coalesce(pipelines.pipeline, 'Без воронки') as pipeline,
    coalesce(nullif(events.channel, ''), 'Без канала') as channel,
    cut_windows.compared_with,
    events.amount as value
  from cut_windows
  inner join events
    on
      cut_windows.cut_day = events.event_date
      and cut_windows.window_until > events.event_at
  left join pipelines on events.pipeline_id = pipelines.pipeline_id

),

-- people who work here and ever did anything that counts
active_managers as (

  select managers.manager_id
  from managers
  inner join daily on managers.manager_id = daily.manager_id
  where managers.is_active and managers.manager_id <> 0
  group by managers.manager_id

),

-- Zeros for the running and the last closed period, so that a quiet morning shows 0 instead of "no data".
zeros as (

  select
    periods.period_grain,
    periods.period_start,
    metrics.metric_code,
    active_managers.manager_id,
    'Без воронки' as pipeline,
    'Без канала' as channel,
    'own' as compared_with,
    0 as value
  from periods
  cross join metrics
  cross join active_managers
  where
    periods.period_choice_sort <= 1
    and metrics.kind = 'event'

),

parts as (

  select * from whole_windows

  union all

  select * from days_to_date

  union all

  select * from cut_days

  union all

  select * from zeros

),

summed as (

  select
    period_grain,
    period_start,
    metric_code,
    manager_id,
    pipeline,
    channel,
    coalesce(sum(value) filter (where compared_with = 'own'), 0) as value,
    coalesce(sum(value) filter (where compared_with = 'previous'), 0) as previous_value,
    coalesce(sum(value) filter (where compared_with = 'previous_to_date'), 0) as previous_cut,
    coalesce(sum(value) filter (where compared_with = 'year_ago'), 0) as year_ago_value,
    coalesce(sum(value) filter (where compared_with = 'year_ago_to_date'), 0) as year_ago_cut
  from parts
  group by
    period_grain,
    period_start,
    metric_code,
    manager_id,
    pipeline,
    channel

),

final as (

  select
    summed.period_grain,
    summed.period_start,
    summed.metric_code,
    summed.manager_id,
    summed.pipeline,
    summed.channel,
    summed.value,
    summed.previous_value,
    case
      when periods.is_current then summed.previous_cut else summed.previous_value
    end as previous_to_date_value,
    summed.year_ago_value,
    case
      when periods.is_current then summed.year_ago_cut else summed.year_ago_value
    end as year_ago_to_date_value
  from summed
  inner join periods
    on
      summed.period_grain = periods.period_grain
      and summed.period_start = periods.period_start

)

select * from final
