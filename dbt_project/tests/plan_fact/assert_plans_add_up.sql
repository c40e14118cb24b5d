-- Days add up to weeks and months: no plan is lost or counted twice between the targets and dashboard 6, and the norm
-- of dashboard 2 is the plan of its metric.
with attained as (

  select * from {{ ref('mart_plan_fact__attainment') }}

),

plans as (

  select * from {{ ref('int_targets__manager_days') }}

),

norm as (

  select * from {{ ref('mart_telephony__norm') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

planned as (

  select
    periods.period_grain,
    periods.period_start,
    plans.metric_code,
    sum(plans.plan) as plan
  from periods
  inner join plans
    on
      periods.period_start <= plans.day
      and periods.period_end > plans.day
  where periods.period_grain in ('День', 'Неделя', 'Месяц') and not plans.is_ratio
  group by periods.period_grain, periods.period_start, plans.metric_code

),

shown as (

  select
    period_grain,
    period_start,
    metric_code,
    sum(plan) as plan,
    sum(plan_to_date) as plan_to_date,
    sum(fact) as fact
  from attained
  where not is_ratio
  group by period_grain, period_start, metric_code

),

norms as (

  select
    period_grain,
    period_start,
    metric_code,
    sum(plan) as plan,
    sum(fact) as fact
  from norm
  where period_grain in ('День', 'Неделя', 'Месяц')
  group by period_grain, period_start, metric_code

)

select
  'plan' as what,
  planned.period_grain,
  planned.period_start,
  planned.metric_code
from planned
full join shown using (period_grain, period_start, metric_code)
where abs(coalesce(planned.plan, 0) - coalesce(shown.plan, 0)) > 0.000001
union all
select
  'norm' as what,
  norms.period_grain,
  norms.period_start,
  norms.metric_code
from norms
left join shown using (period_grain, period_start, metric_code)
where
  abs(coalesce(norms.plan, 0) - coalesce(shown.plan_to_date, 0)) > 0.000001
  or norms.fact <> shown.fact
