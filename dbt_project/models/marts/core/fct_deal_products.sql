with shares as (

  select * from {{ ref('int_deals__product_shares') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

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
