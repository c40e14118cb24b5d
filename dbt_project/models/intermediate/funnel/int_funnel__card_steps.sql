{{
  config(
    indexes=[{'columns': ['card_type', 'card_id', 'entry_code', 'step_number'], 'unique': true}],
    pre_hook="set local work_mem = '128MB'"
  )
}}

with signs as (

  select * from {{ ref('int_funnel__step_signs') }}

),

leads as (

  select * from {{ ref('fct_leads') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

crm_leads as (

  select * from {{ ref('stg_bitrix24__leads') }}

),

crm_deals as (

  select * from {{ ref('stg_bitrix24__deals') }}

),

lead_intervals as (

  select * from {{ ref('int_leads__stage_intervals') }}

),

deal_intervals as (

  select * from {{ ref('int_deals__stage_intervals') }}

),

events as (

  select * from {{ ref('fct_metric_events') }}

),

payments as (

  select * from {{ ref('fct_payments') }}

),

invoices as (

  select * from {{ ref('fct_invoices') }}

),

cards as (

  select
    'lead' as card_type,
    leads.lead_id as card_id,
    true as is_of_lead,
    leads.status_id as stage_id,
    coalesce(leads.qualified_at, leads.junk_at, crm_leads.moved_at, leads.created_at) as moved_at,
    leads.created_at
  from leads
  inner join crm_leads on leads.lead_id = crm_leads.lead_id
  union all
  select
    'deal' as card_type,
    deals.deal_id as card_id,
    deals.lead_id is not null as is_of_lead,
    deals.stage_id,
    coalesce(deals.won_at, deals.lost_at, crm_deals.moved_at, deals.created_at) as moved_at,
    deals.created_at
  from deals
  inner join crm_deals on deals.deal_id = crm_deals.deal_id

),

intervals as (

  select
    'lead' as card_type,
    lead_id as card_id,
    stage_id,
    entered_at
  from lead_intervals
  union all
  select
    'deal' as card_type,
    deal_id as card_id,
    stage_id,
    entered_at
  from deal_intervals

),

-- The stage a card is in although its history lacks it.
unknown as (

  select
    cards.card_type,
    cards.card_id,
    cards.stage_id,
    case when cards.moved_at < {{ as_of() }} then cards.moved_at else cards.created_at end as entered_at
  from cards
  left join intervals
    on
      cards.card_type = intervals.card_type
      and cards.card_id = intervals.card_id
      and cards.stage_id = intervals.stage_id
  where intervals.card_id is null

),

entries as (

  select * from intervals
  union all
  select * from unknown

),

by_stage as (

  select
    entries.card_type,
    entries.card_id,
    signs.entry_code,
    signs.step_number,
    entries.entered_at as reached_at,
    cast(null as bigint) as manager_id
  from entries
  inner join signs on entries.card_type = signs.entity and entries.stage_id = signs.stage_id

),

-- A payment or an invoice is an event of its deal.
of_cards as (

  select
    signs.entry_code,
    signs.step_number,
    events.event_at,
    events.manager_id,
    case when events.card_type = 'lead' then 'lead' else 'deal' end as card_type,
    case
      when events.metric_code = 'payments_received' then payments.deal_id
      when events.card_type = 'invoice' then invoices.deal_id
      else events.card_id
    end as card_id
  from signs
  inner join events on signs.metric_code = events.metric_code
  left join payments
    on
      events.metric_code = 'payments_received'
      and events.card_type = payments.card_type
      and events.card_id = payments.card_id
  left join invoices on events.card_type = 'invoice' and events.card_id = invoices.invoice_id

),

-- Of a lead that was deleted its deals tell that it was.
of_gone_leads as (

  select
    'deal' as card_type,
    deals.deal_id as card_id,
    signs.entry_code,
    signs.step_number,
    deals.created_at as reached_at,
    deals.created_manager_id as manager_id
  from deals
  inner join signs on signs.metric_code = 'leads_created'
  left join leads on deals.lead_id = leads.lead_id
  where deals.lead_id is not null and leads.lead_id is null

),

all_signs as (

  select * from by_stage
  union all
  select * from of_gone_leads
  union all
  select
    card_type,
    card_id,
    entry_code,
    step_number,
    event_at as reached_at,
    manager_id
  from of_cards
  where card_id is not null

),

-- What belongs to a lead goes the way of leads; how a deal without one came in is not known yet.
final as (

  select distinct on (all_signs.card_type, all_signs.card_id, all_signs.entry_code, all_signs.step_number)
    all_signs.card_type,
    all_signs.card_id,
    all_signs.entry_code,
    all_signs.step_number,
    all_signs.reached_at,
    all_signs.manager_id
  from all_signs
  inner join cards on all_signs.card_type = cards.card_type and all_signs.card_id = cards.card_id
  where not cards.is_of_lead or all_signs.entry_code = 'lead'
  order by
    all_signs.card_type,
    all_signs.card_id,
    all_signs.entry_code,
    all_signs.step_number,
    all_signs.reached_at,
    all_signs.manager_id

)

select * from final
