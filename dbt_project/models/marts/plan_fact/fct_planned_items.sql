with open_deals as (

  select * from {{ ref('mart_pipeline__open_deals') }}
  where not has_no_close_date

),

open_activities as (

  select * from {{ ref('int_activities__open') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

leads as (

  select * from {{ ref('fct_leads') }}

),

card_clients as (

  select * from {{ ref('int_clients__card_clients') }}

),

clients as (

  select * from {{ ref('dim_clients') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

closings as (

  select
    'deal' as item_type,
    deal_id as item_id,
    'closing' as kind,
    title,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    is_selling,
    client,
    expected_close_date as due_day,
    cast(null as timestamp) as due_local,
    is_overdue,
    amount,
    probability,
    weighted_amount,
    stage,
    remarks,
    crm_url
  from open_deals

),

-- An activity is of the pipeline, channel and client of the card it belongs to, whose responsible may be another.
activities as (

  select
    'activity' as item_type,
    open_activities.activity_id as item_id,
    open_activities.kind,
    open_activities.subject as title,
    coalesce(managers.manager_id, 0) as manager_id,
    coalesce(managers.manager, 'Без ответственного') as manager,
    coalesce(managers.department, 'Без отдела') as department,
    coalesce(pipelines.pipeline, 'Без воронки') as pipeline,
    coalesce(deals.channel, leads.channel, 'Без канала') as channel,
    coalesce(pipelines.is_selling, false) as is_selling,
    coalesce(clients.client, '—') as client,
    {{ local_date('open_activities.due_at') }} as due_day,
    {{ local_time('open_activities.due_at') }} as due_local,
    open_activities.is_overdue,
    cast(0 as numeric) as amount,
    cast(null as numeric) as probability,
    cast(0 as numeric) as weighted_amount,
    '—' as stage,
    '—' as remarks,
    coalesce(open_activities.crm_url, '') as crm_url
  from open_activities
  left join managers on open_activities.manager_id = managers.manager_id
  left join deals on open_activities.owner_id = deals.deal_id and open_activities.owner_type = 'deal'
  left join leads on open_activities.owner_id = leads.lead_id and open_activities.owner_type = 'lead'
  left join card_clients
    on open_activities.owner_id = card_clients.card_id and open_activities.owner_type = card_clients.card_type
  left join pipelines on deals.pipeline_id = pipelines.pipeline_id
  left join clients on coalesce(deals.client_key, leads.client_key, card_clients.client_key) = clients.client_key

),

items as (

  select * from closings
  union all
  select * from activities

),

final as (

  select
    item_type,
    item_id,
    kind,
    (array['Закрытие сделки', 'Встреча', 'Звонок', 'Письмо', 'Дело', 'Другое'])[
      array_position(array['closing', 'meeting', 'call', 'email', 'task', 'other'], kind)
    ] as kind_label,
    array_position(array['closing', 'meeting', 'call', 'email', 'task', 'other'], kind) as kind_sort,
    coalesce(nullif(title, ''), '—') as title,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    is_selling,
    client,
    due_day,
    due_local,
    due_day - {{ as_of_date() }} as days_ahead,
    is_overdue,
    amount,
    probability,
    weighted_amount,
    stage,
    remarks,
    crm_url,
    {{ crm_link('crm_url') }} as crm_link
  from items

)

select * from final
order by due_day
