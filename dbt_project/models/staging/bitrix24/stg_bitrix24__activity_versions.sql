{{
  config(
    materialized='incremental',
    unique_key=['activity_id', 'version_key'],
    indexes=[
      {'columns': ['activity_id', 'modified_at']},
      {'columns': ['loaded_at']}
    ],
    meta={'key': 'activity_id'}
  )
}}

with source as (

  select * from {{ source('bitrix24', 'activities') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    cast(id as bigint) as activity_id,
    {{ payload_id('OWNER_TYPE_ID') }} as owner_type_id,
    {{ payload_id('OWNER_ID') }} as owner_id,
    {{ payload_id('RESPONSIBLE_ID') }} as manager_id,
    coalesce({{ payload_integer('TYPE_ID') }}, 0) as type_id,
    {{ payload_text('PROVIDER_ID') }} as provider_id,
    {{ payload_text('ORIGIN_ID') }} as origin_id,
    {{ payload_text('SUBJECT') }} as subject,
    {{ payload_integer('DIRECTION') }} as direction_id,
    {{ payload_flag('COMPLETED') }} as is_completed,
    {{ payload_moment('CREATED') }} as created_at,
    {{ payload_moment('START_TIME') }} as start_at,
    {{ payload_moment('END_TIME') }} as end_at,
    {{ payload_moment('DEADLINE') }} as deadline_at,
    {{ version_columns(created='CREATED') }}
  from source

)

select * from final
