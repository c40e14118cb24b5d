with source as (

  select * from {{ source('bitrix24', 'portal') }}

),

ranked as (

  select
    source.*,
    row_number() over (order by _sdc_received_at desc, id asc) as portal_rank
  from source

),

final as (

  select
    id as portal,
    rtrim(payload ->> 'url', '/') as portal_url,
    {{ payload_moment('server_time') }} as server_time,
    {{ payload_flag('admin') }} as is_admin,
    {{ payload_integer('crm_mode') }} as crm_mode,
    {{ payload_flag('is_demonstration') }} as is_demonstration
  from ranked
  where portal_rank = 1

)

select * from final
