with leads as (

  select * from {{ ref('fct_leads') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

revenue_of_leads as (

  select
    lead_id,
    sum(amount) as revenue
  from deals
  where won_at is not null and is_selling and lead_id is not null
  group by lead_id

),

from_leads as (

  select
    'lead' as card_type,
    leads.lead_id as card_id,
    leads.created_at,
    leads.created_manager_id as manager_id,
    cast(null as bigint) as pipeline_id,
    leads.channel,
    coalesce(revenue_of_leads.revenue, 0) as revenue
  from leads
  left join revenue_of_leads on leads.lead_id = revenue_of_leads.lead_id

),

-- a deal whose lead was deleted stands for itself: its revenue must not vanish with the lead
from_deals as (

  select
    'deal' as card_type,
    deals.deal_id as card_id,
    deals.created_at,
    deals.created_manager_id as manager_id,
    deals.pipeline_id,
    deals.channel,
    case when deals.won_at is not null and deals.is_selling then deals.amount else 0 end as revenue
  from deals
  left join leads on deals.lead_id = leads.lead_id
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
