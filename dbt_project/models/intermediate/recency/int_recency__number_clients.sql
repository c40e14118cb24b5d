{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['phone_key'], 'unique': true}],
    meta={
      'key': 'phone_key',
      'scope': 'affected',
      'follows': [
        'int_telephony__calls', 'stg_bitrix24__companies', 'stg_bitrix24__contacts', 'int_clients__card_clients'
      ]
    }
  )
}}
{%- set affected -%}
  select phone_key from {{ changed_in('int_telephony__calls') }}
  union
  select phone_key from {{ changed_in('stg_bitrix24__contacts') }}
  union
  select phone_key from {{ changed_in('stg_bitrix24__companies') }}
  union
  select contacts.phone_key from (select * from {{ ref('stg_bitrix24__contacts') }}) as contacts
  inner join {{ changed_in('int_clients__card_clients') }}
    on changes.card_type = 'contact' and contacts.contact_id = changes.card_id
  union
  select companies.phone_key from (select * from {{ ref('stg_bitrix24__companies') }}) as companies
  inner join {{ changed_in('int_clients__card_clients') }}
    on changes.card_type = 'company' and companies.company_id = changes.card_id
  union
  select phone_key from {{ ref('stg_bitrix24__contacts') }}
  where created_at >= {{ last_build() }}
  union
  select phone_key from {{ ref('stg_bitrix24__companies') }}
  where created_at >= {{ last_build() }}
{%- endset -%}
{{ gather_affected(affected) }}
with telephony_calls as (

  select * from {{ ref('int_telephony__calls') }}
  where phone_key is not null {{ affected_only('phone_key', 'and') }}

),

companies as (

  select * from {{ ref('stg_bitrix24__companies') }}
  where phone_key is not null and created_at < {{ as_of() }} {{ affected_only('phone_key', 'and') }}

),

contacts as (

  select * from {{ ref('stg_bitrix24__contacts') }}
  where phone_key is not null and created_at < {{ as_of() }} {{ affected_only('phone_key', 'and') }}

),

card_clients as {{ read_in_place() }} (

  select * from {{ ref('int_clients__card_clients') }}

),

-- Whose a number is: the clients whose cards bear it or whose calls came from it.
numbers as (

  select
    contacts.phone_key,
    card_clients.client_key
  from contacts
  inner join card_clients on contacts.contact_id = card_clients.card_id and card_clients.card_type = 'contact'
  union all
  select
    companies.phone_key,
    card_clients.client_key
  from companies
  inner join card_clients on companies.company_id = card_clients.card_id and card_clients.card_type = 'company'
  union all
  select
    phone_key,
    client_key
  from telephony_calls
  where client_key not like 'lead:%'

),

final as (

  select
    phone_key,
    min(client_key) as client_key
  from numbers
  group by phone_key
  having min(client_key) = max(client_key)

)

select * from final
