{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['card_type', 'card_id'], 'unique': true},
      {'columns': ['client_key']}
    ],
    meta={
      'key': ['card_type', 'card_id'],
      'logs': ['card_type', 'card_id', 'client_key'],
      'scope': 'affected',
      'follows': ['stg_bitrix24__companies', 'stg_bitrix24__contacts']
    }
  )
}}
{%- set affected -%}
  select 'company' as card_type, company_id as card_id from {{ changed_in('stg_bitrix24__companies') }}
  union all
  select 'contact' as card_type, contact_id as card_id from {{ changed_in('stg_bitrix24__contacts') }}
  union all
  select 'contact' as card_type, contacts.contact_id as card_id
  from {{ changed_in('stg_bitrix24__companies') }}
  inner join (select * from {{ ref('stg_bitrix24__contacts') }}) as contacts on changes.company_id = contacts.company_id
{%- endset -%}
{{ gather_affected(affected) }}
with companies as {{ read_in_place() }} (

  select * from {{ ref('stg_bitrix24__companies') }}

),

contacts as (

  select * from {{ ref('stg_bitrix24__contacts') }}

),

company_clients as (

  select
    'company' as card_type,
    company_id as card_id,
    case when not is_my_company then 'company:' || company_id end as client_key
  from companies
  {{ affected_only(["'company'", 'company_id']) }}

),

-- A contact of a company counts with the company; one of the portal's own companies is nobody's client.
contact_clients as (

  select
    'contact' as card_type,
    contacts.contact_id as card_id,
    case
      when contacts.company_id is null or companies.is_my_company then 'contact:' || contacts.contact_id
      else 'company:' || contacts.company_id
    end as client_key
  from contacts
  left join companies on contacts.company_id = companies.company_id
  {{ affected_only(["'contact'", 'contacts.contact_id']) }}

),

final as (

  select * from company_clients
  union all
  select * from contact_clients

)

select * from final
