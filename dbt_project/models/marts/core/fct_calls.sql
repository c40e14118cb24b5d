with attempts as (

  select * from {{ ref('int_calls__attempts') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

portal as (

  select * from {{ ref('stg_bitrix24__portal') }}

),

final as (

  select
    attempts.call_id,
    coalesce(managers.manager_id, 0) as manager_id,
    attempts.direction,
    attempts.is_successful,
    attempts.is_answered,
    attempts.talk_seconds,
    attempts.started_at,
    attempts.phone_key,
    attempts.failure_code,
    attempts.legs_count,
    attempts.crm_entity_type,
    attempts.crm_entity_id,
    portal.portal_url || '/crm/' || attempts.crm_entity_type || '/details/' || attempts.crm_entity_id || '/' as crm_url
  from attempts
  left join managers on attempts.manager_id = managers.manager_id
  left join portal on true
  order by attempts.started_at

)

select * from final
