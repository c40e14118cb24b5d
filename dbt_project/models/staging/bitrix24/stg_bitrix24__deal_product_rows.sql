with source as (

  select * from {{ source('bitrix24', 'deal_product_rows') }}

),

ranked as (

  select
    source.*,
    row_number() over (
      partition by id
      order by cast(nullif(modified_at, '') as timestamptz) desc nulls last, _sdc_received_at desc
    ) as version_rank
  from source

),

final as (

  select
    cast(ranked.id as bigint) as deal_id,
    product_rows.position as row_position,
    cast(product_rows.value ->> 'id' as bigint) as product_row_id,
    nullif(cast(substring(product_rows.value ->> 'productId' from '^\d+$') as bigint), 0) as product_id,
    nullif(btrim(regexp_replace(product_rows.value ->> 'productName', '\s+', ' ', 'g')), '') as product_name,
    coalesce(cast(product_rows.value ->> 'price' as numeric), 0) as price,
    coalesce(cast(product_rows.value ->> 'quantity' as numeric), 0) as quantity
  from ranked
  cross join
    lateral jsonb_array_elements(
      case jsonb_typeof(ranked.payload -> 'productRows')
        when 'array' then ranked.payload -> 'productRows'
        else cast('[]' as jsonb)
      end
    ) with ordinality as product_rows (value, position)
  where ranked.version_rank = 1

)

select * from final
