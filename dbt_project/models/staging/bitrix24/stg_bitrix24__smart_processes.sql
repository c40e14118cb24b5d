with source as (

  select * from {{ optional_source('smart_processes') }}

),

final as (

  select
    cast(id as bigint) as entity_type_id,
    {{ payload_id('id') }} as smart_process_id,
    coalesce({{ payload_text('title') }}, 'Смарт-процесс № ' || id) as smart_process,
    {{ payload_flag('isStagesEnabled') }} as has_stages,
    {{ payload_flag('isCategoriesEnabled') }} as has_pipelines,
    {{ payload_flag('isClientEnabled') }} as has_clients,
    {{ payload_flag('isLinkWithProductsEnabled') }} as has_products,
    {{ payload_moment('createdTime') }} as created_at
  from source
  where {{ present_at_as_of() }}

)

select * from final
