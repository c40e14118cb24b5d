{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['card_type', 'card_id'], 'unique': true}],
    meta={
      'key': ['card_type', 'card_id'],
      'scope': 'affected',
      'follows': ['fct_leads', 'fct_deals', 'int_managers__known'],
      'watches': ['dim_pipelines']
    }
  )
}}
{#- A deal concerns the leads that it had and has, a lead its deals: they stand for themselves without it. -#}
{%- set affected -%}
  select 'lead' as card_type, lead_id as card_id from {{ changed_in('fct_leads') }}
  union all
  select 'deal' as card_type, deals.deal_id as card_id from (select * from {{ ref('fct_deals') }}) as deals
  inner join {{ changed_in('fct_leads') }} on deals.lead_id = changes.lead_id
  union all
  select 'deal' as card_type, deal_id as card_id from {{ changed_in('fct_deals') }}
  union all
  select 'lead' as card_type, lead_id as card_id from {{ changed_in('fct_deals') }}
  where lead_id is not null
  union all
  select members.card_type, members.card_id from {{ this }} as members
  inner join {{ changed_in('int_managers__known') }} on members.manager_id = changes.manager_id
{%- endset -%}
{{ gather_affected(affected) }}
with leads as {{ read_in_place() }} (

  select * from {{ ref('fct_leads') }}

),

deals as {{ read_in_place() }} (

  select * from {{ ref('fct_deals') }}

),

affected_leads as (

  select * from leads
  {{ affected_only(["'lead'", 'lead_id']) }}

),

affected_deals as (

  select * from deals
  {{ affected_only(["'deal'", 'deal_id']) }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

managers as (

  select * from {{ ref('int_managers__known') }}

),

revenue_of_leads as (

  select
    lead_id,
    sum(amount) as revenue
  from deals
  where won_at is not null and is_selling and lead_id is not null {{ affected_only(["'lead'", 'lead_id'], 'and') }}
  group by lead_id

),

from_leads as (

  select
    'lead' as card_type,
    affected_leads.lead_id as card_id,
    affected_leads.created_at,
    affected_leads.created_manager_id as manager_id,
    cast(null as bigint) as pipeline_id,
    affected_leads.channel,
    coalesce(revenue_of_leads.revenue, 0) as revenue
  from affected_leads
  left join revenue_of_leads on affected_leads.lead_id = revenue_of_leads.lead_id

),

-- a deal whose lead was deleted stands for itself: its revenue must not vanish with the lead
from_deals as (

  select
    'deal' as card_type,
    affected_deals.deal_id as card_id,
    affected_deals.created_at,
    affected_deals.created_manager_id as manager_id,
    affected_deals.pipeline_id,
    affected_deals.channel,
    case
      when affected_deals.won_at is not null and affected_deals.is_selling then affected_deals.amount
      else 0
    end as revenue
  from affected_deals
  left join leads on affected_deals.lead_id = leads.lead_id
  where leads.lead_id is null

),

members as (

  select * from from_leads

  union all

  select * from from_deals

),

final as (

  select
    members.card_type,
    members.card_id,
    members.created_at,
    {{ local_date('members.created_at') }} as created_date,
    coalesce(managers.manager_id, 0) as manager_id,
    coalesce(managers.manager, 'Без ответственного') as manager,
    coalesce(managers.department, 'Без отдела') as department,
    coalesce(pipelines.pipeline, 'Без воронки') as pipeline,
    coalesce(members.channel, 'Без канала') as channel,
    members.revenue
  from members
  left join managers on members.manager_id = managers.manager_id
  left join pipelines on members.pipeline_id = pipelines.pipeline_id

)

select * from final
