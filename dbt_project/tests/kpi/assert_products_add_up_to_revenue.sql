{{ config(tags=['nightly']) }}
-- Shares of products take nothing away from revenue and add nothing: to the kopeck for every period and manager.
with products as (

  select
    period_grain,
    period_start,
    manager_id,
    sum(amount) as amount,
    count(distinct deal_id) as deals
  from {{ ref('mart_kpi__won_products') }}
  group by period_grain, period_start, manager_id

),

counted as (

  select
    period_grain,
    period_start,
    manager_id,
    sum(case when metric_code = 'deals_won' then value else 0 end) as deals_won,
    sum(case when metric_code = 'revenue_won' then value else 0 end) as revenue_won
  from {{ ref('mart_kpi__period') }}
  where metric_code in ('deals_won', 'revenue_won')
  group by period_grain, period_start, manager_id

)

select
  counted.*,
  products.amount,
  products.deals
from products
full join counted using (period_grain, period_start, manager_id)
where
  abs(coalesce(products.amount, 0) - coalesce(counted.revenue_won, 0)) >= 0.01
  or coalesce(products.deals, 0) <> coalesce(counted.deals_won, 0)
