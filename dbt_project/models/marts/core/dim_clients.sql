{{
  config(
    materialized='incremental',
    meta={
      'key': 'client_key',
      'scope': 'affected',
      'follows': [
        'stg_bitrix24__companies',
        'stg_bitrix24__contacts',
        'int_clients__card_clients',
        'fct_leads',
        'fct_deals',
        'fct_invoices',
        'int_managers__known'
      ],
      'watches': ['stg_bitrix24__portal.portal_url']
    }
  )
}}
{{ take_up_published() }}
{%- set affected -%}
  select 'company:' || company_id as client_key from {{ changed_in('stg_bitrix24__companies') }}
  union all
  select 'contact:' || contact_id as client_key from {{ changed_in('stg_bitrix24__contacts') }}
  union all
  select changes.client_key from {{ changed_in('int_clients__card_clients') }}
  union all
  select changes.client_key from {{ changed_in('fct_leads') }}
  union all
  select changes.client_key from {{ changed_in('fct_deals') }}
  union all
  select changes.client_key from {{ changed_in('fct_invoices') }}
  union all
  select 'company:' || company_id as client_key from {{ ref('stg_bitrix24__companies') }}
  where created_at >= {{ last_build() }}
  union all
  select 'contact:' || contact_id as client_key from {{ ref('stg_bitrix24__contacts') }}
  where created_at >= {{ last_build() }}
  union all
  select 'company:' || company_id as client_key from (select * from {{ ref('stg_bitrix24__companies') }}) as companies
  inner join {{ changed_in('int_managers__known') }} on companies.manager_id = changes.manager_id
  union all
  select 'contact:' || contact_id as client_key from (select * from {{ ref('stg_bitrix24__contacts') }}) as contacts
  inner join {{ changed_in('int_managers__known') }} on contacts.manager_id = changes.manager_id
{%- endset -%}
{{ gather_affected(affected) }}
with companies as (

  select * from {{ ref('stg_bitrix24__companies') }}
  where created_at < {{ as_of() }}

),

contacts as (

  select * from {{ ref('stg_bitrix24__contacts') }}
  where created_at < {{ as_of() }}

),

card_clients as {{ read_in_place() }} (

  select * from {{ ref('int_clients__card_clients') }}

),

leads as (

  select * from {{ ref('fct_leads') }}
  {{ affected_only('client_key') }}

),

deals as (

  select * from {{ ref('fct_deals') }}
  {{ affected_only('client_key') }}

),

invoices as (

  select * from {{ ref('fct_invoices') }}
  {{ affected_only('client_key') }}

),

managers as (

  select * from {{ ref('int_managers__known') }}

),

portal as (

  select * from {{ ref('stg_bitrix24__portal') }}

),

cards as (

  select
    card_clients.client_key,
    companies.created_at,
    companies.manager_id,
    companies.title as client
  from companies
  inner join card_clients
    on companies.company_id = card_clients.card_id and card_clients.card_type = 'company'
  where card_clients.client_key is not null {{ affected_only('card_clients.client_key', 'and') }}
  union all
  select
    card_clients.client_key,
    contacts.created_at,
    contacts.manager_id,
    nullif(concat_ws(' ', contacts.last_name, contacts.first_name, contacts.second_name), '') as client
  from contacts
  inner join card_clients
    on contacts.contact_id = card_clients.card_id and card_clients.card_type = 'contact'
  where card_clients.client_key = 'contact:' || contacts.contact_id {{ affected_only('client_key', 'and') }}

),

mentioned as (

  select client_key from leads
  where client_key is not null
  union
  select client_key from deals
  where client_key is not null
  union
  select client_key from invoices
  where client_key is not null

),

first_wins as (

  select
    client_key,
    min(won_at) as first_won_at
  from deals
  where is_first_win
  group by client_key

),

keyed as (

  select
    coalesce(cards.client_key, mentioned.client_key) as client_key,
    cards.client,
    cards.created_at,
    cards.manager_id
  from cards
  full outer join mentioned on cards.client_key = mentioned.client_key

),

typed as (

  select
    keyed.*,
    split_part(client_key, ':', 1) as client_type,
    split_part(client_key, ':', 2) as client_id
  from keyed

),

final as (

  select
    typed.client_key,
    coalesce(
      typed.client,
      case typed.client_type when 'company' then 'Компания № ' else 'Контакт № ' end || typed.client_id
    ) as client,
    typed.client_type,
    typed.created_at,
    coalesce(managers.manager_id, 0) as manager_id,
    portal.portal_url || '/crm/' || typed.client_type || '/details/' || typed.client_id || '/' as crm_url,
    first_wins.first_won_at
  from typed
  left join first_wins on typed.client_key = first_wins.client_key
  left join managers on typed.manager_id = managers.manager_id
  left join portal on true

)

select * from final
