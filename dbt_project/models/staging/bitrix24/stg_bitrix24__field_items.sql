with source as (

  select * from {{ optional_source('fields') }}
  where {{ present_at_as_of() }}

),

final as (

  select
    {{ payload_id('entityTypeId', 'source.payload') }} as entity_type_id,
    {{ payload_text('field', 'source.payload') }} as field,
    {{ payload_text('ID', 'items.value') }} as item_id,
    coalesce({{ payload_text('VALUE', 'items.value') }}, {{ payload_text('ID', 'items.value') }}) as item,
    items.position as sort
  from source
  cross join
    lateral jsonb_array_elements({{ payload_list('items', 'source.payload') }})
    with ordinality as items (value, position)

)

select * from final
