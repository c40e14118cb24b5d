{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['call_id'], 'unique': true},
      {'columns': ['phone_key', 'is_successful', 'started_at', 'call_id']},
      {'columns': ['client_key', 'is_successful', 'started_at', 'call_id']}
    ],
    meta={
      'key': 'call_id',
      'logs': ['call_id', 'phone_key', 'client_key', 'started_at'],
      'scope': 'affected',
      'follows': ['fct_calls', 'fct_leads', 'int_clients__card_clients', 'int_telephony__number_clients']
    }
  )
}}
{%- set affected -%}
  select call_id from ({{ calls_named_anew() }}) as changed
  union all
  select calls.call_id from (select * from {{ ref('fct_calls') }}) as calls
  inner join {{ changed_in('int_telephony__number_clients') }} on calls.phone_key = changes.phone_key
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

number_clients as (

  select * from {{ ref('int_telephony__number_clients') }}

),

named as (

  select
    calls.*,
    {{ named_client() | indent(4) }} as client_key
  from calls
  left join leads
    on calls.crm_entity_type = 'lead' and calls.crm_entity_id = leads.lead_id
  left join card_clients
    on calls.crm_entity_type = card_clients.card_type and calls.crm_entity_id = card_clients.card_id

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
