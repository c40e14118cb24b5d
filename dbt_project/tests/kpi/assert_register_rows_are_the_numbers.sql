{{ config(tags=['nightly']) }}
-- Every number opens down to its cards: the rows of the register add up to the period mart, metric by metric, manager
-- by manager, pipeline by pipeline.
with registered as (

  select
    period_grain,
    period_start,
    metric_code,
    manager_id,
    pipeline,
    count(*) as cards,
    sum(amount) as amount
  from {{ ref('mart_kpi__register') }}
  group by period_grain, period_start, metric_code, manager_id, pipeline

),

counted as (

  select
    period_grain,
    period_start,
    metric_code,
    manager_id,
    pipeline,
    unit,
    sum(value) as value
  from {{ ref('mart_kpi__period') }}
  where not is_ratio
  group by period_grain, period_start, metric_code, manager_id, pipeline, unit

)

select
  counted.*,
  registered.cards,
  registered.amount
from registered
full join counted using (period_grain, period_start, metric_code, manager_id, pipeline)
where
  coalesce(registered.amount, 0) <> coalesce(counted.value, 0)
  or (counted.unit = 'count' and coalesce(registered.cards, 0) <> counted.value)
