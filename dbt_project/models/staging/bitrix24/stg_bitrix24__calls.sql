{{
  config(
    materialized='incremental',
    unique_key='call_id',
    indexes=[
      {'columns': ['call_id'], 'unique': true},
      {'columns': ['loaded_at']},
      {'columns': ['started_at']},
      {'columns': ['phone_key', 'started_at']},
      {'columns': ['session_id']}
    ],
    meta={'key': 'call_id'}
  )
}}

with source as (

  select * from {{ source('bitrix24', 'calls') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    cast(id as bigint) as call_id,
    {{ payload_text('CALL_ID') }} as call_code,
    {{ payload_text('SESSION_ID') }} as session_id,
    {{ payload_id('PORTAL_USER_ID') }} as manager_id,
    {{ payload_id('CRM_ENTITY_ID') }} as crm_entity_id,
    {{ payload_id('CRM_ACTIVITY_ID') }} as activity_id,
    lower({{ payload_text('CRM_ENTITY_TYPE') }}) as crm_entity_type,
    lower(coalesce({{ payload_text('CALL_CATEGORY') }}, 'external')) as category,
    {{ phone_key("payload ->> 'PHONE_NUMBER'") }} as phone_key,
    {{ payload_text('CALL_FAILED_CODE') }} as result_code,
    {{ payload_integer('CALL_TYPE') }} as type_id,
    coalesce({{ payload_integer('CALL_DURATION') }}, 0) as duration_seconds,
    {{ payload_moment('CALL_START_DATE') }} as started_at,
    {{ loaded_at() }} as loaded_at
  from source

)

select * from final
