{{ config(tags=['nightly']) }}
-- What clients have bought and have in work is all that was won and all that is in work, but for deals without a client
-- and for clients whose card is gone. And every client of the base was created once.
with base as (

  select * from {{ ref('mart_clients__base') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

open_deals as (

  select * from {{ ref('mart_pipeline__open_deals') }}

),

daily as (

  select * from {{ ref('mart_kpi__daily') }}

),

elsewhere as (

  select deals.*
  from deals
  left join base on deals.client_key = base.client_key
  where base.client_key is null

),

found as (

  select
    sum(won_deals) as deals_won,
    sum(revenue) as revenue_won,
    sum(open_deals) as open_deals,
    sum(open_amount) as open_amount,
    count(*) as clients_created
  from base

),

besides as (

  select
    count(*) filter (where is_selling and won_at is not null) as deals_won,
    sum(amount) filter (where is_selling and won_at is not null) as revenue_won,
    count(*) filter (where semantic = 'process') as open_deals,
    sum(amount) filter (where semantic = 'process') as open_amount
  from elsewhere

),

in_work as (

  select
    count(*) as open_deals,
    sum(amount) as open_amount
  from open_deals

),

ledger as (

  select
    sum(value) filter (where metric_code = 'deals_won') as deals_won,
    sum(value) filter (where metric_code = 'revenue_won') as revenue_won,
    sum(value) filter (where metric_code = 'clients_created') as clients_created
  from daily

),

compared as (

  select
    'deals_won' as measure,
    coalesce(found.deals_won, 0) + coalesce(besides.deals_won, 0) as in_base,
    coalesce(ledger.deals_won, 0) as expected
  from found
  cross join besides
  cross join ledger
  union all
  select
    'revenue_won' as measure,
    coalesce(found.revenue_won, 0) + coalesce(besides.revenue_won, 0) as in_base,
    coalesce(ledger.revenue_won, 0) as expected
  from found
  cross join besides
  cross join ledger
  union all
  select
    'open_deals' as measure,
    coalesce(found.open_deals, 0) + coalesce(besides.open_deals, 0) as in_base,
    coalesce(in_work.open_deals, 0) as expected
  from found
  cross join besides
  cross join in_work
  union all
  select
    'open_amount' as measure,
    coalesce(found.open_amount, 0) + coalesce(besides.open_amount, 0) as in_base,
    coalesce(in_work.open_amount, 0) as expected
  from found
  cross join besides
  cross join in_work
  union all
  select
    'clients_created' as measure,
    coalesce(found.clients_created, 0) as in_base,
    coalesce(ledger.clients_created, 0) as expected
  from found
  cross join ledger

)

select *
from compared
where abs(in_base - expected) > 0.01
