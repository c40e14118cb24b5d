{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['deal_id', 'product_name'], 'unique': true}],
    meta={
      'key': 'deal_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__deals', 'stg_bitrix24__deal_product_rows']
    }
  )
}}
{%- set affected -%}
  select deal_id from {{ changed_in('stg_bitrix24__deals') }}
  union all
  select deal_id from {{ changed_in('stg_bitrix24__deal_product_rows') }}
{%- endset -%}
{{ gather_affected(affected) }}
with deals as (

  select * from {{ ref('stg_bitrix24__deals') }}
  {{ affected_only('deal_id') }}

),

product_rows as (

  select * from {{ ref('stg_bitrix24__deal_product_rows') }}
  {{ affected_only('deal_id') }}

),

by_product as (

  select
    deal_id,
    coalesce(product_name, 'Без названия') as product_name,
    sum(price * quantity) as product_amount
  from product_rows
  group by 1, 2

),

rows_totals as (

  select
    deal_id,
    sum(product_amount) as rows_amount
  from by_product
  group by 1
  having sum(product_amount) > 0

),

-- Rows that exceed the amount of the deal share it in their proportion; what they do not cover has no product.
whole as (

  select
    deals.deal_id,
    coalesce(rows_totals.rows_amount, 0) as rows_amount,
    case
      when rows_totals.rows_amount is null then 1
      when deals.amount - rows_totals.rows_amount > 0.01 then deals.amount
      else rows_totals.rows_amount
    end as divisor
  from deals
  left join rows_totals on deals.deal_id = rows_totals.deal_id

),

shares as (

  select
    whole.deal_id,
    by_product.product_name,
    by_product.product_amount / whole.divisor as share
  from whole
  inner join by_product on whole.deal_id = by_product.deal_id
  where whole.rows_amount > 0
  union all
  select
    deal_id,
    'Без товаров' as product_name,
    1 - rows_amount / divisor as share
  from whole
  where rows_amount < divisor

),

final as (

  select
    deal_id,
    product_name,
    trim_scale(sum(share)) as share
  from shares
  group by 1, 2

)

select * from final
