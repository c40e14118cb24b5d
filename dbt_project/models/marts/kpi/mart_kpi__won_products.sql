with events as (

  select * from {{ ref('fct_metric_events') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

products as (

  select * from {{ ref('fct_deal_products') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

final as (

  select
    {{ period_columns() }},
    events.manager_id,
    managers.manager,
    managers.department,
    pipelines.pipeline,
    events.channel,
    events.card_id as deal_id,
    products.product_name,
    products.amount,
    deals.cycle_days
  from events
  inner join deals on events.card_id = deals.deal_id
  inner join managers on events.manager_id = managers.manager_id
  inner join pipelines on events.pipeline_id = pipelines.pipeline_id
  inner join products on events.card_id = products.deal_id
  inner join periods
    on
      events.event_date >= periods.period_start
      and events.event_date < periods.period_end
  where events.metric_code = 'deals_won'

)

select * from final
