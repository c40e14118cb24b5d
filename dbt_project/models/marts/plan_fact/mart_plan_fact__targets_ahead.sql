with attained as (

  select * from {{ ref('mart_plan_fact__attainment') }}
  where is_current

),

daily as (

  select * from {{ ref('mart_plan_fact__daily') }}
  where is_future and plan is not null

),

planned as (

  select * from {{ ref('mart_plan_fact__planned') }}
  where item_type = 'deal' and is_selling

),

periods as (

  select * from {{ ref('dim_periods_ahead') }}
  where not is_overdue

),

metrics as (

  select * from {{ ref('dim_metrics') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

running as (

  select
    period_grain,
    'Текущий' as period_choice,
    metric_code,
    manager_id,
    plan,
    fact,
    value,
    remaining_days
  from attained
  where has_plan

),

-- A ratio's plan is not summed: that of the last day holds.
following as (

  select
    periods.period_grain,
    periods.period_choice,
    daily.metric_code,
    daily.manager_id,
    case
      when daily.is_ratio then (array_agg(daily.plan order by daily.day desc))[1]
      else sum(daily.plan)
    end as plan,
    0 as fact,
    cast(null as numeric) as value,
    count(*) filter (where daily.is_remaining) as remaining_days
  from periods
  inner join daily on periods.due_from <= daily.day and periods.due_until >= daily.day
  where not periods.is_current
  group by periods.period_grain, periods.period_choice, daily.metric_code, daily.manager_id, daily.is_ratio

),

targets as (

  select * from running
  union all
  select * from following

),

-- What open deals of selling pipelines promise to bring by their dates, weighed by how often such deals are won.
promised as (

  select
    period_grain,
    period_choice,
    manager_id,
    'revenue_won' as metric_code,
    sum(weighted_amount) as expected
  from planned
  group by period_grain, period_choice, manager_id
  union all
  select
    period_grain,
    period_choice,
    manager_id,
    'deals_won' as metric_code,
    sum(probability) as expected
  from planned
  group by period_grain, period_choice, manager_id

),

joined as (

  select
    coalesce(targets.period_grain, promised.period_grain) as period_grain,
    coalesce(targets.period_choice, promised.period_choice) as period_choice,
    coalesce(targets.metric_code, promised.metric_code) as metric_code,
    coalesce(targets.manager_id, promised.manager_id) as manager_id,
    targets.plan,
    targets.fact,
    targets.value,
    targets.remaining_days,
    promised.expected
  from targets
  full outer join promised
    on
      targets.period_grain = promised.period_grain
      and targets.period_choice = promised.period_choice
      and targets.metric_code = promised.metric_code
      and targets.manager_id = promised.manager_id

),

judged as (

  select
    joined.*,
    metrics.metric,
    metrics.sort as metric_sort,
    metrics.unit,
    metrics.direction,
    metrics.kind = 'ratio' as is_ratio,
    case
      when metrics.kind <> 'ratio' and metrics.direction = 'more' and joined.plan is not null
        then greatest(joined.plan - joined.fact, 0)
    end as remaining,
    case
      when metrics.metric_code in ('revenue_won', 'deals_won') then coalesce(joined.expected, 0)
    end as expected_by_deals
  from joined
  inner join metrics on joined.metric_code = metrics.metric_code

),

final as (

  select
    {{ period_columns() }},
    periods.ahead,
    periods.ahead_sort,
    judged.metric_code,
    judged.metric,
    judged.metric_sort,
    judged.unit,
    judged.direction,
    judged.is_ratio,
    judged.manager_id,
    managers.manager,
    managers.department,
    '—' as pipeline,
    '—' as channel,
    judged.plan,
    judged.value,
    judged.remaining,
    cast(judged.remaining_days as integer) as remaining_days,
    case
      when judged.remaining_days > 0 then round(judged.remaining / judged.remaining_days, 2)
    end as remaining_per_day,
    trim_scale(judged.expected_by_deals) as expected_by_deals,
    case
      when judged.remaining is not null and judged.expected_by_deals is not null
        then trim_scale(greatest(judged.remaining - judged.expected_by_deals, 0))
    end as not_covered
  from judged
  inner join periods
    on
      judged.period_grain = periods.period_grain
      and judged.period_choice = periods.period_choice
  inner join managers on judged.manager_id = managers.manager_id

)

select * from final
order by period_grain_sort, ahead_sort, metric_sort
