{%- set categories = client_categories() | join(', ') -%}
with clients as (

  select * from {{ ref('mart_clients__base') }}

),

final as (

  select
    {{ categories }},
    count(*) as clients,
    cast(sum(won_deals) as bigint) as won_deals,
    sum(revenue) as revenue,
    sum(revenue_year) as revenue_year,
    cast(sum(open_deals) as bigint) as open_deals,
    sum(open_amount) as open_amount,
    count(*) filter (where open_deals > 0) as clients_in_work
  from clients
  group by {{ categories }}

)

select * from final
order by manager, abc_sort, segment_sort
