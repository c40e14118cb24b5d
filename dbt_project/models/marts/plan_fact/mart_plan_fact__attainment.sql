{{ config(pre_hook="set local work_mem = '256MB'") }}

with daily as (

  select * from {{ ref('mart_plan_fact__daily') }}

),

period_days as (

  select * from {{ ref('int_calendar__period_days') }}
  where compared_with = 'own' and period_grain in ('День', 'Неделя', 'Месяц')

),

periods as (

  select * from {{ ref('dim_periods') }}

),

metrics as (

  select * from {{ ref('dim_metrics') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

summed as (

  select
    period_days.period_grain,
    period_days.period_start,
    daily.metric_code,
    daily.manager_id,
    sum(daily.plan) as plan,
    sum(daily.plan) filter (where not daily.is_future) as plan_to_date,
    sum(daily.fact) as fact,
    sum(daily.fact_divisor) as fact_divisor,
    count(*) filter (where daily.is_remaining) as remaining_days
  from daily
  inner join period_days on daily.day = period_days.day
  group by period_days.period_grain, period_days.period_start, daily.metric_code, daily.manager_id

),

-- A ratio's plan is not summed: the last day's holds, of a running period today's.
ratio_plans as (

  select
    period_days.period_grain,
    period_days.period_start,
    daily.metric_code,
    daily.manager_id,
    (array_agg(daily.plan order by daily.day desc))[1] as plan
  from daily
  inner join period_days on daily.day = period_days.day
  where daily.is_ratio and not daily.is_future and daily.plan is not null
  group by period_days.period_grain, period_days.period_start, daily.metric_code, daily.manager_id

),

valued as (

  select
    summed.period_grain,
    summed.period_start,
    summed.metric_code,
    summed.manager_id,
    summed.fact,
    summed.fact_divisor,
    summed.remaining_days,
    metrics.metric,
    metrics.sort as metric_sort,
    metrics.unit,
    metrics.direction,
    metrics.kind = 'ratio' as is_ratio,
    case when metrics.kind = 'ratio' then ratio_plans.plan else summed.plan end as plan,
    case when metrics.kind = 'ratio' then ratio_plans.plan else summed.plan_to_date end as plan_to_date,
    case
      when metrics.kind <> 'ratio' then summed.fact
      when summed.fact_divisor <> 0 then trim_scale(summed.fact / summed.fact_divisor)
    end as value
  from summed
  inner join metrics on summed.metric_code = metrics.metric_code
  left join ratio_plans
    on
      summed.period_grain = ratio_plans.period_grain
      and summed.period_start = ratio_plans.period_start
      and summed.metric_code = ratio_plans.metric_code
      and summed.manager_id = ratio_plans.manager_id

),

final as (

  select
    {{ period_columns() }},
    valued.metric_code,
    valued.metric,
    valued.metric_sort,
    valued.unit,
    valued.direction,
    valued.is_ratio,
    valued.manager_id,
    managers.manager,
    managers.department,
    '—' as pipeline,
    '—' as channel,
    valued.plan,
    valued.plan_to_date,
    valued.fact,
    valued.fact_divisor,
    valued.value,
    -- Thirds of a plan add up to a whole but for their last digits: who brought it has met it.
    trim_scale(round(valued.value - valued.plan_to_date, 6)) as deviation,
    case when valued.plan <> 0 then trim_scale(round(valued.value / valued.plan, 12)) end as attainment,
    case
      when valued.plan_to_date <> 0 then trim_scale(round(valued.value / valued.plan_to_date, 12))
    end as attainment_to_date,
    valued.plan is not null as has_plan,
    coalesce(
      (valued.unit <> 'money' or valued.period_grain = 'Месяц')
      and case valued.direction
        when 'less' then round(valued.value - valued.plan_to_date, 6) > 0
        else round(valued.value - valued.plan_to_date, 6) < 0
      end,
      false
    ) as is_unmet,
    cast(valued.remaining_days as integer) as remaining_days,
    case
      when not valued.is_ratio and valued.direction = 'more' and valued.plan is not null and valued.remaining_days > 0
        then round(greatest(valued.plan - valued.fact, 0) / valued.remaining_days, 2)
    end as remaining_per_day
  from valued
  inner join periods
    on
      valued.period_grain = periods.period_grain
      and valued.period_start = periods.period_start
  inner join managers on valued.manager_id = managers.manager_id

)

select * from final
order by period_grain_sort, period_choice_sort, metric_sort
