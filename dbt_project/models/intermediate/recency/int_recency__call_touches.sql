{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['call_id', 'card_type', 'card_id'], 'unique': true},
      {'columns': ['card_type', 'card_id']}
    ],
    meta={
      'key': 'call_id',
      'logs': ['card_type', 'card_id'],
      'scope': 'affected',
      'follows': [
        'int_calls__attempts',
        'int_calls__cards',
        'int_telephony__calls',
        'stg_bitrix24__companies',
        'stg_bitrix24__contacts',
        'int_clients__card_clients'
      ]
    }
  )
}}
{#- Whose a number is concerns all calls of that number. -#}
{%- set affected -%}
  with numbers as (
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
  )
  select call_id from {{ changed_in('int_calls__attempts') }}
  union all
  select call_id from {{ changed_in('int_calls__cards') }}
  union all
  select attempts.call_id from (select * from {{ ref('int_calls__attempts') }}) as attempts
  inner join numbers on attempts.phone_key = numbers.phone_key
{%- endset -%}
{{ gather_affected(affected) }}
{%- set of_attempts -%}
  {%- if is_kept_up() %} and phone_key in (select attempts.phone_key from attempts){% endif -%}
{%- endset -%}
with attempts as (

  select * from {{ ref('int_calls__attempts') }}
  {{ affected_only('call_id') }}

),

call_cards as (

  select * from {{ ref('int_calls__cards') }}
  {{ affected_only('call_id') }}

),

telephony_calls as (

  select * from {{ ref('int_telephony__calls') }}

),

companies as (

  select * from {{ ref('stg_bitrix24__companies') }}

),

contacts as (

  select * from {{ ref('stg_bitrix24__contacts') }}

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
  where contacts.phone_key is not null and contacts.created_at < {{ as_of() }}{{ of_attempts }}
  union all
  select
    companies.phone_key,
    card_clients.client_key
  from companies
  inner join card_clients on companies.company_id = card_clients.card_id and card_clients.card_type = 'company'
  where companies.phone_key is not null and companies.created_at < {{ as_of() }}{{ of_attempts }}
  union all
  select
    phone_key,
    client_key
  from telephony_calls
  where phone_key is not null and client_key not like 'lead:%'{{ of_attempts }}

),

number_clients as (

  select
    phone_key,
    min(client_key) as client_key
  from numbers
  group by phone_key
  having min(client_key) = max(client_key)

),

-- Cards of other kinds are cards too: a call that names one is not looked up by its number.
touched as (

  select
    attempts.call_id,
    attempts.started_at,
    attempts.direction,
    attempts.is_successful,
    attempts.manager_id,
    case
      when call_cards.call_id is not null then call_cards.card_type
      else split_part(number_clients.client_key, ':', 1)
    end as card_type,
    case
      when call_cards.call_id is not null then call_cards.card_id
      else cast(split_part(number_clients.client_key, ':', 2) as bigint)
    end as card_id
  from attempts
  left join call_cards on attempts.call_id = call_cards.call_id
  left join number_clients on attempts.phone_key = number_clients.phone_key and call_cards.call_id is null

),

final as (

  select * from touched
  where card_type in ('lead', 'deal', 'contact', 'company')

)

select * from final
