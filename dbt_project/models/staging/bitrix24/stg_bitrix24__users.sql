with source as (

  select * from {{ source('bitrix24', 'users') }}

),

final as (

  select
    cast(id as bigint) as user_id,
    {{ payload_text('NAME') }} as first_name,
    {{ payload_text('LAST_NAME') }} as last_name,
    {{ payload_text('EMAIL') }} as email,
    {{ payload_text('WORK_POSITION') }} as position,
    {{ payload_text('USER_TYPE') }} as user_type,
    {{ payload_flag('ACTIVE') }} as is_active,
    {{ payload_moment('DATE_REGISTER') }} as registered_at,
    nullif(cast(substring(payload #>> '{UF_DEPARTMENT,0}' from '^\d+$') as bigint), 0) as department_id
  from source
  where {{ present_at_as_of() }}

)

select * from final
