with source as (

  select * from {{ optional_source('order_owners') }}

),

final as (

  select
    cast(split_part(id, ':', 3) as bigint) as order_id,
    cast(split_part(id, ':', 1) as bigint) as owner_type_id,
    cast(split_part(id, ':', 2) as bigint) as owner_id
  from source
  where {{ present_at_as_of() }}

)

select * from final
