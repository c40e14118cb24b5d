{{
  config(
    materialized='incremental',
    unique_key=['entity_type_id', 'history_id'],
    indexes=[
      {'columns': ['entity_type_id', 'smart_process_item_id', 'entered_at', 'history_id']},
      {'columns': ['loaded_at']},
      {'columns': ['entered_at']}
    ],
    meta={'key': ['entity_type_id', 'smart_process_item_id']}
  )
}}

with source as (

  select * from {{ optional_source('smart_process_stage_history') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    {{ payload_id('entityTypeId') }} as entity_type_id,
    cast(split_part(id, ':', 2) as bigint) as history_id,
    {{ payload_id('OWNER_ID') }} as smart_process_item_id,
    {{ payload_integer('TYPE_ID') }} as type_id,
    coalesce({{ payload_integer('CATEGORY_ID') }}, 0) as pipeline_id,
    {{ payload_text('STAGE_ID') }} as stage_id,
    {{ payload_semantic('STAGE_SEMANTIC_ID') }} as semantic,
    {{ payload_moment('CREATED_TIME') }} as entered_at,
    {{ loaded_at() }} as loaded_at
  from source

)

select * from final
