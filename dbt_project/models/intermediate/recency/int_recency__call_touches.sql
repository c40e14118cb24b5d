{{
  config(
    indexes=[
      {'columns': ['call_id', 'card_type', 'card_id'], 'unique': true}
    ]
  )
}}

with attempts as (

  select * from {{ ref('int_calls__attempts') }}

),

call_cards as (

  select * from {{ ref('int_calls__cards') }}

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

card_clients as (

  select * from {{ ref('int_clients__card_clients') }}

),

-- Whose a number is: the clients whose cards bear it or whose calls came from it.
numbers as (

  select
    contacts.phone_key,
    card_clients.client_key
  from contacts
  inner join card_clients on contacts.contact_id = card_clients.card_id and card_clients.card_type = 'contact'
  where contacts.phone_key is not null and contacts.created_at < {{ as_of() }}
  union all
  select
    companies.phone_key,
    card_clients.client_key
  from companies
  inner join card_clients on companies.company_id = card_clients.card_id and card_clients.card_type = 'company'
  where companies.phone_key is not null and companies.created_at < {{ as_of() }}
  union all
  select
    phone_key,
    client_key
  from telephony_calls
  where phone_key is not null and client_key not like 'lead:%'

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
