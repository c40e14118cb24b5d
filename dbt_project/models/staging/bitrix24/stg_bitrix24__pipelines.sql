with source as (

  select * from {{ source('bitrix24', 'pipelines') }}

),

final as (

  select
    {{ payload_integer('entityTypeId') }} as entity_type_id,
    {{ payload_integer('id') }} as pipeline_id,
    {{ payload_text('name') }} as pipeline,
    coalesce({{ payload_integer('sort') }}, 0) as sort,
    {{ payload_flag('isDefault') }} as is_default
  from source
  where {{ present_at_as_of() }}

)

select * from final
