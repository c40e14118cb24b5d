{{ config(tags=['nightly']) }}

with daily as (

  select * from {{ ref('mart_kpi__daily') }}

),

calendar as (

  select * from {{ ref('dim_calendar') }}

),

metrics as (

  select * from {{ ref('dim_metrics') }}
  where kind = 'event'

),

managers as (

  select * from {{ ref('dim_managers') }}

),

working_days as (

  select day as event_date
  from calendar
  where
    is_working_day
    and day > {{ as_of_date() }} - {{ var('norm_baseline_days') }}
    and day <= {{ as_of_date() }}

),

-- a newcomer is measured from the first day on, not from before they came
first_days as (

  select
    manager_id,
    min(event_date) as first_date
  from daily
  group by manager_id

),

by_manager as (

  select
    metric_code,
    manager_id,
    event_date,
    sum(value) as value
  from daily
  group by metric_code, manager_id, event_date

),

by_everybody as (

  select
    metric_code,
    event_date,
    sum(value) as value
  from daily
  group by metric_code, event_date

),

manager_days as (

  select
    metrics.metric_code,
    managers.manager_id,
    managers.manager,
    managers.department,
    coalesce(by_manager.value, 0) as value
  from metrics
  cross join managers
  cross join working_days
  inner join first_days
    on
      managers.manager_id = first_days.manager_id
      and working_days.event_date >= first_days.first_date
  left join by_manager
    on
      metrics.metric_code = by_manager.metric_code
      and managers.manager_id = by_manager.manager_id
      and working_days.event_date = by_manager.event_date
  where managers.is_active and managers.manager_id <> 0

),

whole_days as (

  select
    metrics.metric_code,
    cast(null as bigint) as manager_id,
    'Все менеджеры' as manager,
    '—' as department,
    coalesce(by_everybody.value, 0) as value
  from metrics
  cross join working_days
  left join by_everybody
    on
      metrics.metric_code = by_everybody.metric_code
      and working_days.event_date = by_everybody.event_date

),

days as (

  select * from manager_days

  union all

  select * from whole_days

),

measured as (

  select
    metric_code,
    manager_id,
    manager,
    department,
    percentile_cont(0.5) within group (order by value) as median_per_day,
    percentile_cont(0.75) within group (order by value) as upper_quartile_per_day,
    count(*) as working_days,
    sum(value) as total
  from days
  group by metric_code, manager_id, manager, department

),

final as (

  select
    measured.metric_code,
    metrics.metric,
    metrics.sort as metric_sort,
    measured.manager_id,
    measured.manager,
    measured.department,
    '—' as pipeline,
    '—' as channel,
    cast(measured.median_per_day as numeric) as median_per_day,
    cast(measured.upper_quartile_per_day as numeric) as upper_quartile_per_day,
    measured.working_days,
    measured.total
  from measured
  inner join metrics on measured.metric_code = metrics.metric_code
  where measured.total > 0

)

select * from final
order by metric_sort
