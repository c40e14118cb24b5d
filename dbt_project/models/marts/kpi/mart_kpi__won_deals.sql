with events as (

  select * from {{ ref('fct_metric_events') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

clients as (

  select * from {{ ref('dim_clients') }}

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
    coalesce(nullif(deals.title, ''), '—') as title,
    coalesce(clients.client, '—') as client,
    deals.amount,
    deals.cycle_days,
    deals.lead_to_won_days,
    events.event_at as won_at,
    events.event_date as won_date,
    coalesce(deals.crm_url, '') as crm_url,
    {{ crm_link('deals.crm_url') }} as crm_link
  from events
  inner join deals on events.card_id = deals.deal_id
  inner join managers on events.manager_id = managers.manager_id
  inner join pipelines on events.pipeline_id = pipelines.pipeline_id
  left join clients on deals.client_key = clients.client_key
  inner join periods
    on
      events.event_date >= periods.period_start
      and events.event_date < periods.period_end
  where events.metric_code = 'deals_won'

)

select * from final
