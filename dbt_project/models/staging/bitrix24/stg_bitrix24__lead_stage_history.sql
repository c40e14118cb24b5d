{{
  config(
    materialized='incremental',
    unique_key='history_id',
    indexes=[
      {'columns': ['lead_id', 'entered_at', 'history_id']},
      {'columns': ['loaded_at']},
      {'columns': ['entered_at']}
    ],
    meta={'key': 'lead_id'}
  )
}}

with source as (

  select * from {{ source('bitrix24', 'lead_stage_history') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    cast(id as bigint) as history_id,
    {{ payload_id('OWNER_ID') }} as lead_id,
    {{ payload_integer('TYPE_ID') }} as type_id,
    cast(null as bigint) as pipeline_id,
    {{ payload_text('STATUS_ID') }} as stage_id,
    {{ payload_semantic('STATUS_SEMANTIC_ID') }} as semantic,
    {{ payload_moment('CREATED_TIME') }} as entered_at,
    {{ loaded_at() }} as loaded_at
  from source

)

select * from final
