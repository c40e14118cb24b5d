{{ config(indexes=[{'columns': ['card_type', 'card_id'], 'unique': true}]) }}

with card_touches as (

  select * from {{ ref('int_recency__card_touches') }}

),

card_clients as (

  select * from {{ ref('int_clients__card_clients') }}

),

clients as (

  select * from {{ ref('dim_clients') }}

),

fct_deals as (

  select * from {{ ref('fct_deals') }}

),

fct_leads as (

  select * from {{ ref('fct_leads') }}

),

crm_deals as (

  select * from {{ ref('stg_bitrix24__deals') }}

),

crm_leads as (

  select * from {{ ref('stg_bitrix24__leads') }}

),

cards as (

  select
    'deal' as card_type,
    fct_deals.deal_id as card_id,
    fct_deals.client_key,
    fct_deals.semantic = 'process' as is_open
  from fct_deals
  union all
  select
    'lead' as card_type,
    fct_leads.lead_id as card_id,
    fct_leads.client_key,
    fct_leads.semantic = 'process' as is_open
  from fct_leads

),

steps as (

  select distinct on (next_activity_id)
    next_activity_id as activity_id,
    next_step_at as planned_at,
    next_step as planned_subject
  from card_touches
  where next_activity_id is not null
  order by next_activity_id

),

-- The next step travels as [its moment, its activity]: arrays compare element by element, and min() finds the first.
touches as (

  select
    card_type,
    card_id,
    last_call_at,
    last_activity_at,
    case
      when next_activity_id is not null
        then array[cast(extract(epoch from next_step_at) * 1000000 as bigint), next_activity_id]
    end as next_step
  from card_touches

),

-- Companies with all their contacts. Cards that the portal does not return are clients by their id.
client_touches as (

  select
    case
      when card_clients.card_id is null then touches.card_type || ':' || touches.card_id
      else card_clients.client_key
    end as client_key,
    max(touches.last_call_at) as last_call_at,
    max(touches.last_activity_at) as last_activity_at,
    min(touches.next_step) as next_step
  from touches
  left join card_clients
    on touches.card_type = card_clients.card_type and touches.card_id = card_clients.card_id
  where touches.card_type in ('contact', 'company')
  group by
    case
      when card_clients.card_id is null then touches.card_type || ':' || touches.card_id
      else card_clients.client_key
    end

),

named_contacts as (

  select
    cards.card_type,
    cards.card_id,
    crm_deals.contact_id,
    crm_deals.contact_ids
  from cards
  inner join crm_deals on cards.card_id = crm_deals.deal_id
  where cards.is_open and cards.card_type = 'deal'
  union all
  select
    cards.card_type,
    cards.card_id,
    crm_leads.contact_id,
    crm_leads.contact_ids
  from cards
  inner join crm_leads on cards.card_id = crm_leads.lead_id
  where cards.is_open and cards.card_type = 'lead'

),

open_card_contacts as (

  select
    card_type,
    card_id,
    contact_id
  from named_contacts
  where contact_id is not null
  union
  select
    named_contacts.card_type,
    named_contacts.card_id,
    cast(listed.contact_id as bigint) as contact_id
  from named_contacts
  inner join lateral jsonb_array_elements_text(named_contacts.contact_ids) as listed (contact_id) on true
  where listed.contact_id ~ '^[1-9]\d*$'

),

pool as (

  select
    cards.card_type,
    cards.card_id,
    touches.last_call_at,
    touches.last_activity_at,
    touches.next_step
  from cards
  inner join touches on cards.card_type = touches.card_type and cards.card_id = touches.card_id
  where cards.is_open
  union all
  select
    open_card_contacts.card_type,
    open_card_contacts.card_id,
    touches.last_call_at,
    touches.last_activity_at,
    touches.next_step
  from open_card_contacts
  inner join touches on open_card_contacts.contact_id = touches.card_id and touches.card_type = 'contact'
  union all
  select
    cards.card_type,
    cards.card_id,
    client_touches.last_call_at,
    client_touches.last_activity_at,
    client_touches.next_step
  from cards
  inner join client_touches on cards.client_key = client_touches.client_key
  where cards.is_open
  union all
  select
    split_part(client_key, ':', 1) as card_type,
    cast(split_part(client_key, ':', 2) as bigint) as card_id,
    last_call_at,
    last_activity_at,
    next_step
  from client_touches
  where client_key is not null
  union all
  -- What is done and planned in deals and leads is done and planned with their clients.
  select
    split_part(cards.client_key, ':', 1) as card_type,
    cast(split_part(cards.client_key, ':', 2) as bigint) as card_id,
    cast(null as timestamptz) as last_call_at,
    touches.last_activity_at,
    touches.next_step
  from cards
  inner join touches on cards.card_type = touches.card_type and cards.card_id = touches.card_id
  where cards.client_key is not null

),

reached as (

  select
    card_type,
    card_id,
    max(last_call_at) as last_call_at,
    max(last_activity_at) as last_activity_at,
    min(next_step) as next_step
  from pool
  group by card_type, card_id

),

subjects as (

  select
    card_type,
    card_id,
    client_key
  from cards
  where is_open
  union all
  select
    client_type as card_type,
    cast(split_part(client_key, ':', 2) as bigint) as card_id,
    client_key
  from clients

),

final as (

  select
    subjects.card_type,
    subjects.card_id,
    subjects.client_key,
    reached.last_call_at,
    {{ days_since('reached.last_call_at') }} as days_since_call,
    reached.last_activity_at,
    {{ days_since('reached.last_activity_at') }} as days_since_activity,
    steps.planned_at as next_step_at,
    steps.planned_subject as next_step
  from subjects
  left join reached on subjects.card_type = reached.card_type and subjects.card_id = reached.card_id
  left join steps on reached.next_step[2] = steps.activity_id

)

select * from final
