{{ config(unlogged=true, indexes=[{'columns': ['card_type', 'card_id'], 'unique': true}]) }}

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

talks as (

  select
    call_id,
    started_at,
    phone_key
  from attempts
  where is_successful

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

touches as (

  select
    call_cards.card_type,
    call_cards.card_id,
    talks.started_at
  from talks
  inner join call_cards on talks.call_id = call_cards.call_id
  where call_cards.card_type in ('lead', 'deal', 'contact', 'company')
  union all
  select
    split_part(number_clients.client_key, ':', 1) as card_type,
    cast(split_part(number_clients.client_key, ':', 2) as bigint) as card_id,
    talks.started_at
  from talks
  left join call_cards on talks.call_id = call_cards.call_id
  inner join number_clients on talks.phone_key = number_clients.phone_key
  where call_cards.call_id is null

),

final as (

  select
    card_type,
    card_id,
    max(started_at) as last_call_at
  from touches
  group by card_type, card_id

)

select * from final
