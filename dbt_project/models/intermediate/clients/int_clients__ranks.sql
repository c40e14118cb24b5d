{{ config(tags=['nightly'], indexes=[{'columns': ['client_key'], 'unique': true}]) }}
{#- What a client is among all others, apart from what is known of it by itself: it takes a sort of them all. -#}

with cards as (

  select * from {{ ref('int_clients__cards') }}

),

deals as (

  select * from {{ ref('int_clients__deals') }}

),

-- Clients whose card is gone are in no rank, as they are in no list.
worth as (

  select
    cards.client_key,
    cards.client_type,
    cards.card_id,
    deals.open_amount,
    deals.revenue,
    deals.revenue_year,
    deals.won_deals,
    {{ local_date('deals.last_won_at') }} as last_won_day
  from deals
  inner join cards on deals.client_key = cards.client_key
  where deals.won_deals > 0 or deals.open_amount > 0

),

shares as (

  select
    client_key,
    sum(revenue_year) over (
      order by revenue_year desc, client_type asc, card_id asc rows between unbounded preceding and current row
    ) as revenue_so_far,
    sum(revenue_year) over () as revenue_of_all
  from worth
  where revenue_year > 0

),

places as (

  select
    client_key,
    percent_rank() over (order by last_won_day) as recency,
    percent_rank() over (order by won_deals) as frequency,
    percent_rank() over (order by revenue) as monetary
  from worth
  where won_deals > 0

),

open_ranks as (

  select
    client_key,
    rank() over (order by open_amount desc) as open_rank
  from worth
  where open_amount > 0

),

revenue_ranks as (

  select
    client_key,
    rank() over (order by revenue desc) as revenue_rank
  from worth
  where revenue > 0

),

final as (

  select
    worth.client_key,
    case
      when shares.revenue_so_far <= {{ abc_share('A') }} * shares.revenue_of_all then 'A'
      when shares.revenue_so_far <= {{ abc_share('B') }} * shares.revenue_of_all then 'B'
      when shares.client_key is not null then 'C'
      else 'Без покупок'
    end as abc,
    case when places.client_key is not null then {{ rfm_score('places.recency') }} end as rfm_recency,
    case when places.client_key is not null then {{ rfm_score('places.frequency') }} end as rfm_frequency,
    case when places.client_key is not null then {{ rfm_score('places.monetary') }} end as rfm_monetary,
    open_ranks.open_rank,
    revenue_ranks.revenue_rank
  from worth
  left join shares on worth.client_key = shares.client_key
  left join places on worth.client_key = places.client_key
  left join open_ranks on worth.client_key = open_ranks.client_key
  left join revenue_ranks on worth.client_key = revenue_ranks.client_key

)

select * from final
