with source as (

  select * from {{ optional_source('fields') }}

),

final as (

  select
    {{ payload_id('entityTypeId') }} as entity_type_id,
    {{ payload_text('field') }} as field,
    {{ payload_text('upperName') }} as upper_name,
    coalesce({{ payload_text('title') }}, {{ payload_text('field') }}) as label,
    {{ payload_text('type') }} as field_type,
    {{ payload_text('statusType') }} as dictionary,
    {{ payload_flag('isMultiple') }} as is_multiple,
    {{ payload_flag('isDynamic') }} as is_user_field
  from source
  where {{ present_at_as_of() }}

)

select * from final
