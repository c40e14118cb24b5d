{{
  config(
    materialized='incremental',
    meta={
      'key': 'lead_id',
      'logs': ['lead_id', 'client_key'],
      'scope': 'affected',
      'follows': ['stg_bitrix24__leads', 'int_leads__lifecycle', 'int_clients__card_clients', 'int_managers__known'],
      'watches': ['dim_channels', 'stg_bitrix24__portal.portal_url']
    }
  )
}}
{{ take_up_published() }}
{%- set affected -%}
  select lead_id from {{ changed_in('stg_bitrix24__leads') }}
  union all
  select lead_id from {{ changed_in('int_leads__lifecycle') }}
  union all
  select cards.lead_id from (select * from {{ ref('stg_bitrix24__leads') }}) as cards
  inner join {{ changed_in('int_clients__card_clients') }}
    on changes.card_type = 'company' and cards.company_id = changes.card_id
  union all
  select cards.lead_id from (select * from {{ ref('stg_bitrix24__leads') }}) as cards
  inner join {{ changed_in('int_clients__card_clients') }}
    on changes.card_type = 'contact' and cards.contact_id = changes.card_id
  {{- of_changed_managers('stg_bitrix24__leads', 'lead_id', ['manager_id']) }}
  {{- of_changed_managers('int_leads__lifecycle', 'lead_id', ['created_manager_id', 'closed_manager_id']) }}
{%- endset -%}
{{ gather_affected(affected) }}
with leads as (

  select * from {{ ref('stg_bitrix24__leads') }}
  {{ affected_only('lead_id') }}

),

lifecycle as (

  select * from {{ ref('int_leads__lifecycle') }}

),

card_clients as {{ read_in_place() }} (

  select * from {{ ref('int_clients__card_clients') }}

),

channels as (

  select * from {{ ref('dim_channels') }}

),

managers as (

  select * from {{ ref('int_managers__known') }}

),

portal as (

  select * from {{ ref('stg_bitrix24__portal') }}

),

final as (

  select
    leads.lead_id,
    coalesce(leads.title, 'Лид № ' || leads.lead_id) as title,
    coalesce(managers.manager_id, 0) as manager_id,
    coalesce(creators.manager_id, 0) as created_manager_id,
    case
      when coalesce(lifecycle.success_at, lifecycle.failure_at) is not null then coalesce(closers.manager_id, 0)
    end as closed_manager_id,
    lifecycle.stage_id as status_id,
    lifecycle.semantic,
    leads.source_id,
    channels.channel,
    leads.created_at,
    lifecycle.success_at as qualified_at,
    lifecycle.failure_at as junk_at,
    {{ client_key('leads', 'company_client', 'contact_client') }} as client_key,
    {{ crm_url('crm/lead', 'leads.lead_id') }} as crm_url
  from leads
  inner join lifecycle on leads.lead_id = lifecycle.lead_id
  inner join channels on leads.source_id = channels.source_id
  left join card_clients as company_client
    on leads.company_id = company_client.card_id and company_client.card_type = 'company'
  left join card_clients as contact_client
    on leads.contact_id = contact_client.card_id and contact_client.card_type = 'contact'
  left join managers on leads.manager_id = managers.manager_id
  left join managers as creators on lifecycle.created_manager_id = creators.manager_id
  left join managers as closers on lifecycle.closed_manager_id = closers.manager_id
  left join portal on true
  order by leads.created_at

)

select * from final
