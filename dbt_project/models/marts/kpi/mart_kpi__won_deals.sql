with events as (

  select * from {{ ref('fct_metric_events') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

final as (

  select
    {{ period_columns() }},
    events.manager_id,
    events.manager,
    events.department,
    events.pipeline,
    events.channel,
    events.card_id as deal_id,
    events.card_title as title,
    events.client,
    deals.amount,
    deals.cycle_days,
    deals.lead_to_won_days,
    events.event_at as won_at,
    events.event_date as won_date,
    events.crm_url,
    {{ crm_link('events.crm_url') }} as crm_link
  from events
  inner join deals on events.card_id = deals.deal_id
  inner join periods
    on
      events.event_date >= periods.period_start
      and events.event_date < periods.period_end
  where events.metric_code = 'deals_won'

)

select * from final
