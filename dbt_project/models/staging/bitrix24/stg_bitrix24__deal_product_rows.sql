{{
  config(
    materialized='incremental',
    unique_key='deal_id',
    indexes=[
      {'columns': ['deal_id', 'row_position']},
      {'columns': ['loaded_at']}
    ],
    meta={'key': 'deal_id'}
  )
}}

with source as (

  select * from {{ source('bitrix24', 'deal_product_rows') }}
  {{ only_rows_loaded_since(this) }}

),

-- A deal without rows has one too, so that its rows of an earlier set leave with it.
final as (

  select
    cast(source.id as bigint) as deal_id,
    coalesce(product_rows.position, 0) as row_position,
    {{ payload_id('id', 'product_rows.value') }} as product_row_id,
    {{ payload_id('productId', 'product_rows.value') }} as product_id,
    {{ payload_text('productName', 'product_rows.value') }} as product_name,
    {{ payload_amount('price', 'product_rows.value') }} as price,
    {{ payload_amount('quantity', 'product_rows.value') }} as quantity,
    {{ loaded_at() }} as loaded_at
  from source
  left join
    lateral jsonb_array_elements({{ payload_list('productRows', 'source.payload') }})
    with ordinality as product_rows (value, position)
    on true

)

select * from final
