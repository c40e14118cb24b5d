{{ config(indexes=[{'columns': ['card_type', 'card_id'], 'unique': true}]) }}

with deals as (

  select * from {{ ref('fct_deals') }}
  where semantic = 'process'

),

leads as (

  select * from {{ ref('fct_leads') }}
  where semantic = 'process'

),

crm_deals as (

  select * from {{ ref('stg_bitrix24__deals') }}

),

crm_leads as (

  select * from {{ ref('stg_bitrix24__leads') }}

),

deal_stays as (

  select * from {{ ref('int_pipeline__deal_stays') }}
  where left_at is null

),

lead_stays as (

  select * from {{ ref('int_pipeline__lead_stays') }}
  where left_at is null

),

norms as (

  select * from {{ ref('int_pipeline__stage_norms') }}

),

contacts as (

  select * from {{ ref('int_recency__contacts') }}

),

stages as (

  select * from {{ ref('dim_stages') }}

),

clients as (

  select * from {{ ref('dim_clients') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

rates as (

  select * from {{ ref('int_currencies__daily_rates') }}

),

base as (

  select max(base_currency) as base_currency from rates

),

cards as (

  select
    'deal' as card_type,
    deals.deal_id as card_id,
    deals.title,
    deals.pipeline_id,
    deals.stage_id,
    deals.manager_id,
    deals.client_key,
    deals.channel,
    deals.amount,
    deals.created_at,
    crm_deals.modified_at,
    deals.crm_url,
    deal_stays.entered_at as stage_since
  from deals
  inner join crm_deals on deals.deal_id = crm_deals.deal_id
  inner join deal_stays on deals.deal_id = deal_stays.deal_id
  union all
  select
    'lead' as card_type,
    leads.lead_id as card_id,
    leads.title,
    cast(null as bigint) as pipeline_id,
    leads.status_id as stage_id,
    leads.manager_id,
    leads.client_key,
    leads.channel,
    coalesce(crm_leads.amount * rates.rate, 0) as amount,
    leads.created_at,
    crm_leads.modified_at,
    leads.crm_url,
    lead_stays.entered_at as stage_since
  from leads
  inner join crm_leads on leads.lead_id = crm_leads.lead_id
  inner join lead_stays on leads.lead_id = lead_stays.lead_id
  cross join base
  left join rates
    on {{ rate_of_day('coalesce(crm_leads.currency, base.base_currency)', as_of_date()) }}

),

-- A version after as_of tells nothing of the time before it; a move of the card is a change of it.
changed as (

  select
    *,
    greatest(created_at, stage_since, case when modified_at < {{ as_of() }} then modified_at end) as last_changed_at
  from cards

),

final as (

  select
    changed.card_type,
    changed.card_id,
    changed.title,
    changed.pipeline_id,
    changed.stage_id,
    stages.stage,
    stages.sort as stage_sort,
    changed.manager_id,
    managers.manager,
    managers.department,
    changed.client_key,
    coalesce(clients.client, '—') as client,
    changed.channel,
    changed.amount,
    changed.created_at,
    {{ days_since('changed.created_at') }} as days_open,
    changed.stage_since,
    {{ days_since('changed.stage_since') }} as days_in_stage,
    round(extract(epoch from norms.stuck_after) / 86400, 1) as stuck_after_days,
    coalesce({{ as_of() }} - changed.stage_since > norms.stuck_after, false) as is_stuck,
    changed.last_changed_at,
    {{ days_since('changed.last_changed_at') }} as days_since_change,
    contacts.last_call_at,
    contacts.days_since_call,
    contacts.last_activity_at,
    contacts.days_since_activity,
    contacts.next_step_at,
    contacts.next_step,
    coalesce(changed.crm_url, '') as crm_url
  from changed
  inner join stages on changed.card_type = stages.entity and changed.stage_id = stages.stage_id
  inner join managers on changed.manager_id = managers.manager_id
  left join norms
    on
      changed.card_type = norms.entity
      and changed.stage_id = norms.stage_id
      and changed.pipeline_id is not distinct from norms.pipeline_id
  left join contacts on changed.card_type = contacts.card_type and changed.card_id = contacts.card_id
  left join clients on changed.client_key = clients.client_key

)

select * from final
