with manager_calls as (

  select * from {{ ref('int_clients__manager_calls') }}

),

clients as (

  select * from {{ ref('mart_clients__base') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

joined as (

  select
    manager_calls.*,
    managers.manager,
    managers.department,
    clients.pipeline,
    clients.channel,
    clients.client,
    clients.client_type_label,
    clients.manager_id as responsible_id,
    clients.manager as responsible,
    clients.owner_status,
    clients.abc,
    clients.abc_sort,
    clients.segment,
    clients.segment_sort,
    clients.rfm_group,
    clients.rfm_group_sort,
    clients.buyer_label,
    clients.revenue,
    clients.open_amount,
    clients.crm_url,
    clients.crm_link,
    {{ days_since('manager_calls.last_call_at') }} as days_since_call
  from manager_calls
  inner join clients on manager_calls.client_key = clients.client_key
  inner join managers on manager_calls.manager_id = managers.manager_id

),

final as (

  select
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    client_key,
    client,
    client_type_label,
    responsible_id,
    responsible,
    owner_status,
    manager_id = responsible_id as is_responsible,
    abc,
    abc_sort,
    segment,
    segment_sort,
    rfm_group,
    rfm_group_sort,
    buyer_label,
    revenue,
    open_amount,
    calls,
    dials,
    talks,
    {{ local_time('last_attempt_at') }} as last_attempt_local,
    {{ local_time('last_call_at') }} as last_call_local,
    days_since_call,
    {{ recency_bucket('days_since_call') }} as call_bucket,
    {{ recency_bucket_sort('days_since_call') }} as call_bucket_sort,
    crm_url,
    crm_link
  from joined

)

select * from final
