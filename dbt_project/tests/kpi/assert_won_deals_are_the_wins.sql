{{ config(tags=['nightly']) }}
-- The list of won deals holds exactly the deals won and the revenue of every manager and channel.
with listed as (

  select
    period_grain,
    period_start,
    manager_id,
    channel,
    count(*) as deals,
    sum(amount) as amount
  from {{ ref('mart_kpi__won_deals') }}
  group by period_grain, period_start, manager_id, channel

),

counted as (

  select
    period_grain,
    period_start,
    manager_id,
    channel,
    sum(case when metric_code = 'deals_won' then value else 0 end) as deals_won,
    sum(case when metric_code = 'revenue_won' then value else 0 end) as revenue_won
  from {{ ref('mart_kpi__period') }}
  where metric_code in ('deals_won', 'revenue_won')
  group by period_grain, period_start, manager_id, channel

)

select
  counted.*,
  listed.deals,
  listed.amount
from listed
full join counted using (period_grain, period_start, manager_id, channel)
where
  coalesce(listed.deals, 0) <> coalesce(counted.deals_won, 0)
  or coalesce(listed.amount, 0) <> coalesce(counted.revenue_won, 0)
