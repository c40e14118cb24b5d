{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['call_id'], 'unique': true},
      {'columns': ['phone_key']},
      {'columns': ['client_key']}
    ],
    meta={
      'key': 'call_id',
      'logs': ['call_id', 'phone_key', 'client_key'],
      'scope': 'affected',
      'follows': ['fct_calls', 'fct_leads', 'int_clients__card_clients']
    }
  )
}}
{#- A call's client may be that of another call of its number. -#}
{%- set affected -%}
  with changed as (
    select call_id from {{ changed_in('fct_calls') }}
    union
    select calls.call_id from (select * from {{ ref('fct_calls') }}) as calls
    inner join {{ changed_in('fct_leads') }}
      on calls.crm_entity_type = 'lead' and calls.crm_entity_id = changes.lead_id
    union
    select calls.call_id from (select * from {{ ref('fct_calls') }}) as calls
    inner join {{ changed_in('int_clients__card_clients') }}
      on calls.crm_entity_type = changes.card_type and calls.crm_entity_id = changes.card_id
  ),
  numbers as (
    select known.phone_key from {{ this }} as known
    inner join changed on known.call_id = changed.call_id
    union
    select calls.phone_key from (select * from {{ ref('fct_calls') }}) as calls
    inner join changed on calls.call_id = changed.call_id
  )
  select call_id from changed
  union all
  select calls.call_id from (select * from {{ ref('fct_calls') }}) as calls
  inner join numbers on calls.phone_key = numbers.phone_key
{%- endset -%}
{{ gather_affected(affected) }}
with calls as (

  select * from {{ ref('fct_calls') }}
  {{ affected_only('call_id') }}

),

card_clients as (

  select * from {{ ref('int_clients__card_clients') }}

),

leads as (

  select * from {{ ref('fct_leads') }}

),

-- Clients of the cards that calls name. A lead whose client is not known stands for itself; a card that the portal does
-- not return is a client by its id; the portal's own companies are nobody's client.
named as (

  select
    calls.call_id,
    calls.started_at,
    calls.direction,
    calls.is_answered,
    calls.is_successful,
    calls.manager_id,
    calls.phone_key,
    case
      when calls.crm_entity_type = 'lead' then coalesce(leads.client_key, 'lead:' || calls.crm_entity_id)
      when card_clients.card_id is not null then card_clients.client_key
      else calls.crm_entity_type || ':' || calls.crm_entity_id
    end as client_key
  from calls
  left join leads
    on calls.crm_entity_type = 'lead' and calls.crm_entity_id = leads.lead_id
  left join card_clients
    on calls.crm_entity_type = card_clients.card_type and calls.crm_entity_id = card_clients.card_id

),

-- Numbers that all their calls tie to one client.
number_clients as (

  select
    phone_key,
    min(client_key) as client_key
  from named
  where phone_key is not null and client_key is not null
  group by phone_key
  having min(client_key) = max(client_key)

),

final as (

  select
    named.call_id,
    named.started_at,
    named.direction,
    named.is_answered,
    named.is_successful,
    named.manager_id,
    named.phone_key,
    coalesce(named.client_key, number_clients.client_key) as client_key
  from named
  left join number_clients on named.phone_key = number_clients.phone_key

)

select * from final
