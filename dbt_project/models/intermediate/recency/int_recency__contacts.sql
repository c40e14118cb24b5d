{{ config(indexes=[{'columns': ['card_type', 'card_id'], 'unique': true}]) }}

with card_touches as {{ read_in_place() }} (

  select * from {{ ref('int_recency__card_touches') }}

),

client_touches as (

  select * from {{ ref('int_recency__client_touches') }}

),

clients as (

  select * from {{ ref('dim_clients') }}

),

deals as (

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

cards as (

  select
    'deal' as card_type,
    deal_id as card_id,
    client_key
  from deals
  union all
  select
    'lead' as card_type,
    lead_id as card_id,
    client_key
  from leads

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

touches as {{ read_in_place() }} (

  select
    card_type,
    card_id,
    last_call_at,
    last_activity_at,
    {{ dated_step('next_step_at', 'next_activity_id') }} as next_step
  from card_touches

),

named_contacts as (

  select
    cards.card_type,
    cards.card_id,
    crm_deals.contact_id,
    crm_deals.contact_ids
  from cards
  inner join crm_deals on cards.card_id = crm_deals.deal_id
  where cards.card_type = 'deal'
  union all
  select
    cards.card_type,
    cards.card_id,
    crm_leads.contact_id,
    crm_leads.contact_ids
  from cards
  inner join crm_leads on cards.card_id = crm_leads.lead_id
  where cards.card_type = 'lead'

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
    client_touches.last_own_activity_at as last_activity_at,
    {{ dated_step('client_touches.next_own_step_at', 'client_touches.next_own_activity_id') }} as next_step
  from cards
  inner join client_touches on cards.client_key = client_touches.client_key

),

reached as (

  select
    card_type,
    card_id,
    max(last_call_at) as last_call_at,
    max(last_activity_at) as last_activity_at,
    (min(next_step))[2] as next_activity_id
  from pool
  group by card_type, card_id

),

subjects as (

  select
    cards.card_type,
    cards.card_id,
    cards.client_key,
    reached.last_call_at,
    reached.last_activity_at,
    reached.next_activity_id
  from cards
  left join reached on cards.card_type = reached.card_type and cards.card_id = reached.card_id
  union all
  select
    clients.client_type as card_type,
    cast(split_part(clients.client_key, ':', 2) as bigint) as card_id,
    clients.client_key,
    client_touches.last_call_at,
    client_touches.last_activity_at,
    client_touches.next_activity_id
  from clients
  left join client_touches on clients.client_key = client_touches.client_key

),

final as (

  select
    subjects.card_type,
    subjects.card_id,
    subjects.client_key,
    subjects.last_call_at,
    {{ days_since('subjects.last_call_at') }} as days_since_call,
    subjects.last_activity_at,
    {{ days_since('subjects.last_activity_at') }} as days_since_activity,
    steps.planned_at as next_step_at,
    steps.planned_subject as next_step
  from subjects
  left join steps on subjects.next_activity_id = steps.activity_id

)

select * from final
