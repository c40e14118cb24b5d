-- Plan/fact counts what the KPI marts count: by metric, manager and day, week or month.
with attained as (

  select * from {{ ref('mart_plan_fact__attainment') }}

),

kpi as (

  select
    period_grain,
    period_start,
    metric_code,
    manager_id,
    sum(value) as value,
    sum(value_divisor) as value_divisor
  from {{ ref('mart_kpi__period') }}
  where period_grain in ('День', 'Неделя', 'Месяц')
  group by period_grain, period_start, metric_code, manager_id

),

shown_metrics as (

  select distinct metric_code
  from attained

)

select
  attained.period_grain,
  attained.period_start,
  attained.metric_code,
  attained.manager_id,
  attained.fact,
  kpi.value
from attained
left join kpi using (period_grain, period_start, metric_code, manager_id)
where
  attained.fact <> coalesce(kpi.value, 0)
  or (attained.is_ratio and attained.fact_divisor <> coalesce(kpi.value_divisor, 0))
union all
select
  kpi.period_grain,
  kpi.period_start,
  kpi.metric_code,
  kpi.manager_id,
  attained.fact,
  kpi.value
from kpi
inner join shown_metrics on kpi.metric_code = shown_metrics.metric_code
left join attained
  on
    kpi.period_grain = attained.period_grain
    and kpi.period_start = attained.period_start
    and kpi.metric_code = attained.metric_code
    and kpi.manager_id = attained.manager_id
where attained.fact is null and kpi.value <> 0
