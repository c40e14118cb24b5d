{{ config(tags=['nightly']) }}
-- The cards that a figure of plan/fact opens into add up to it: above the line to the fact, below it to the divisor.
with attained as (

  select * from {{ ref('mart_plan_fact__attainment') }}

),

register as (

  select * from {{ ref('mart_plan_fact__register') }}

),

summed as (

  select
    period_grain,
    period_start,
    metric_code,
    manager_id,
    coalesce(sum(amount) filter (where is_above), 0) as fact,
    coalesce(sum(amount) filter (where is_below), 0) as fact_divisor
  from register
  group by period_grain, period_start, metric_code, manager_id

)

select
  attained.period_grain,
  attained.period_start,
  attained.metric_code,
  attained.manager_id
from attained
left join summed using (period_grain, period_start, metric_code, manager_id)
where
  attained.fact <> coalesce(summed.fact, 0)
  or coalesce(attained.fact_divisor, 0) <> coalesce(summed.fact_divisor, 0)
