with source as (

  select * from {{ optional_source('products') }}

),

final as (

  select
    cast(id as bigint) as product_id,
    {{ payload_id('iblockId') }} as catalogue_id,
    {{ payload_id('iblockSectionId') }} as section_id,
    coalesce({{ payload_text('name') }}, 'Товар № ' || id) as product_name,
    {{ payload_text('code') }} as product_code,
    {{ payload_integer('type') }} as type_id,
    {{ payload_flag('active') }} as is_active,
    {{ payload_moment('dateCreate') }} as created_at,
    {{ payload_amount('purchasingPrice') }} as purchasing_price,
    {{ payload_currency('purchasingCurrency') }} as purchasing_currency
  from source
  where {{ present_at_as_of() }}

)

select * from final
