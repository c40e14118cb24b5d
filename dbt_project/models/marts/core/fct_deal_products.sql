{{
  config(
    materialized='incremental',
    meta={
      'key': 'deal_id',
      'scope': 'affected',
      'follows': ['int_deals__product_shares', 'fct_deals']
    }
  )
}}
{{ take_up_published() }}
{%- set affected -%}
  select deal_id from {{ changed_in('int_deals__product_shares') }}
  union all
  select deal_id from {{ changed_in('fct_deals') }}
{%- endset -%}
{{ gather_affected(affected) }}
with shares as (

  select * from {{ ref('int_deals__product_shares') }}
  {{ affected_only('deal_id') }}

),

deals as (

  select * from {{ ref('fct_deals') }}
  {{ affected_only('deal_id') }}

),

final as (

  select
    deals.deal_id,
    shares.product_name,
    shares.share,
    deals.amount * shares.share as amount
  from deals
  inner join shares on deals.deal_id = shares.deal_id

)

select * from final
