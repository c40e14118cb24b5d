{{
  config(
    tags=['nightly'],
    indexes=[
      {'columns': ['client_key', 'manager_id'], 'unique': true}
    ]
  )
}}

with touches as (

  select * from {{ ref('int_recency__call_touches') }}
  where card_type in ('contact', 'company')

),

card_clients as (

  select * from {{ ref('int_clients__card_clients') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

-- A call that names a company and its contact is one call to one client. Cards that the portal does not return are
-- clients by their id.
calls as (

  select distinct
    touches.call_id,
    touches.started_at,
    touches.direction,
    touches.is_successful,
    touches.manager_id,
    case
      when card_clients.card_id is null then touches.card_type || ':' || touches.card_id
      else card_clients.client_key
    end as client_key
  from touches
  left join card_clients on touches.card_type = card_clients.card_type and touches.card_id = card_clients.card_id

),

final as (

  select
    coalesce(managers.manager_id, 0) as manager_id,
    calls.client_key,
    count(*) as calls,
    count(*) filter (where calls.direction <> 'inbound') as dials,
    count(*) filter (where calls.is_successful) as talks,
    max(calls.started_at) as last_attempt_at,
    max(calls.started_at) filter (where calls.is_successful) as last_call_at
  from calls
  left join managers on calls.manager_id = managers.manager_id
  where calls.client_key is not null
  group by coalesce(managers.manager_id, 0), calls.client_key

)

select * from final
