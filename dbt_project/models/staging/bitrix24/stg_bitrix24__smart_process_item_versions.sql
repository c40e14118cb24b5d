{{
  config(
    materialized='incremental',
    unique_key=['entity_type_id', 'smart_process_item_id', 'version_key'],
    indexes=[
      {'columns': ['entity_type_id', 'smart_process_item_id', 'modified_at']},
      {'columns': ['loaded_at']}
    ],
    meta={'key': ['entity_type_id', 'smart_process_item_id']}
  )
}}

with source as (

  select * from {{ optional_source('smart_process_items') }}
  {{ only_rows_loaded_since(this) }}

),

final as (

  select
    {{ payload_id('entityTypeId') }} as entity_type_id,
    cast(split_part(id, ':', 2) as bigint) as smart_process_item_id,
    {{ payload_id('assignedById') }} as manager_id,
    {{ payload_moment('createdTime') }} as created_at,
    {{ payload_moment('movedTime') }} as moved_at,
    {{ payload_date('begindate') }} as begin_date,
    {{ payload_date('closedate') }} as close_date,
    {{ payload_id('parentId1') }} as lead_id,
    {{ payload_id('parentId2') }} as deal_id,
    coalesce({{ payload_integer('categoryId') }}, 0) as pipeline_id,
    {{ payload_text('stageId') }} as stage_id,
    {{ payload_semantic('stageSemanticId') }} as semantic,
    {{ payload_text('title') }} as title,
    coalesce({{ payload_text('sourceId') }}, '') as source_id,
    {{ payload_id('companyId') }} as company_id,
    {{ payload_id('contactId') }} as contact_id,
    {{ payload_amount('opportunity') }} as amount,
    {{ payload_currency('currencyId') }} as currency,
    {{ payload_user_fields() }} as user_fields,
    {{ version_columns() }}
  from source

)

select * from final
