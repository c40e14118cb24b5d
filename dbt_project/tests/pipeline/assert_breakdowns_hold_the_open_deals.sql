-- Every open deal stands once in the register, and every breakdown holds the same deals, money and forecast: stages,
-- months, the choice «Все», and what is overdue, without a date and due from today on.
with deals as (

  select * from {{ ref('fct_deals') }}

),

register as (

  select * from {{ ref('mart_pipeline__open_deals') }}

),

horizons as (

  select * from {{ ref('mart_pipeline__open_deal_horizons') }}

),

by_stage as (

  select * from {{ ref('mart_pipeline__by_stage') }}

),

months as (

  select * from {{ ref('mart_pipeline__forecast_months') }}

),

facts as (

  select
    count(*) as open_deals,
    coalesce(sum(amount), 0) as amount
  from deals
  where semantic = 'process'

),

totals as (

  select
    count(*) as open_deals,
    coalesce(sum(amount), 0) as amount,
    coalesce(sum(weighted_amount), 0) as weighted_amount
  from register

),

breakdowns as (

  select
    'fct_deals' as breakdown,
    facts.open_deals,
    facts.amount,
    totals.weighted_amount
  from facts
  cross join totals
  union all
  select
    'stages' as breakdown,
    coalesce(sum(open_deals), 0) as open_deals,
    coalesce(sum(amount), 0) as amount,
    coalesce(sum(weighted_amount), 0) as weighted_amount
  from by_stage
  union all
  select
    'months' as breakdown,
    coalesce(sum(open_deals), 0) as open_deals,
    coalesce(sum(amount), 0) as amount,
    coalesce(sum(weighted_amount), 0) as weighted_amount
  from months
  union all
  select
    'everything' as breakdown,
    count(*) as open_deals,
    coalesce(sum(amount), 0) as amount,
    coalesce(sum(weighted_amount), 0) as weighted_amount
  from horizons
  where horizon = 'Все'
  union all
  select
    'dates' as breakdown,
    count(*) as open_deals,
    coalesce(sum(amount), 0) as amount,
    coalesce(sum(weighted_amount), 0) as weighted_amount
  from horizons
  where
    horizon in ('Просрочены', 'Без даты')
    or (horizon = 'Все' and days_to_close >= 0)

)

select breakdowns.*
from breakdowns
cross join totals
where
  breakdowns.open_deals <> totals.open_deals
  or abs(breakdowns.amount - totals.amount) > 0.01
  or abs(breakdowns.weighted_amount - totals.weighted_amount) > 0.01
