{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['phone_key'], 'unique': true}],
    meta={
      'key': 'phone_key',
      'scope': 'affected',
      'follows': ['fct_calls', 'fct_leads', 'int_clients__card_clients']
    }
  )
}}
{%- set affected -%}
  select phone_key from ({{ calls_named_anew() }}) as changed
{%- endset -%}
{{ gather_affected(affected) }}
with calls as (

  select * from {{ ref('fct_calls') }}
  where phone_key is not null {{ affected_only('phone_key', 'and') }}

),

card_clients as (

  select * from {{ ref('int_clients__card_clients') }}

),

leads as (

  select * from {{ ref('fct_leads') }}

),

named as (

  select
    calls.phone_key,
    {{ named_client() | indent(4) }} as client_key
  from calls
  left join leads
    on calls.crm_entity_type = 'lead' and calls.crm_entity_id = leads.lead_id
  left join card_clients
    on calls.crm_entity_type = card_clients.card_type and calls.crm_entity_id = card_clients.card_id

),

final as (

  select
    phone_key,
    min(client_key) as client_key
  from named
  where client_key is not null
  group by phone_key
  having min(client_key) = max(client_key)

)

select * from final
