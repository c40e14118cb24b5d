{{
  config(
    materialized='incremental',
    meta={
      'key': 'call_id',
      'logs': ['call_id', 'started_at', 'phone_key'],
      'scope': 'affected',
      'follows': ['int_calls__attempts', 'int_managers__known'],
      'watches': ['stg_bitrix24__portal.portal_url']
    }
  )
}}
{{ take_up_published() }}
{%- set affected -%}
  select call_id from {{ changed_in('int_calls__attempts') }}
  {{- of_changed_managers('int_calls__attempts', 'call_id', ['manager_id']) }}
{%- endset -%}
{{ gather_affected(affected) }}
with attempts as (

  select * from {{ ref('int_calls__attempts') }}
  {{ affected_only('call_id') }}

),

managers as (

  select * from {{ ref('int_managers__known') }}

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
