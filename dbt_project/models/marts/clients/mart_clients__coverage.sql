{%- set categories = client_categories() | join(', ') -%}
with clients as (

  select * from {{ ref('mart_clients__base') }}

),

final as (

  select
    {{ categories }},
    count(*) as clients,
    count(*) filter (where is_contacted_7) as contacted_7,
    count(*) filter (where is_contacted_30) as contacted_30,
    count(*) filter (where is_contacted_90) as contacted_90,
    count(*) filter (where is_never_contacted) as never_contacted,
    count(*) filter (where has_no_next_step) as without_next_step,
    count(*) filter (where is_full) as full_cards,
    sum(fields_count) as fields_count,
    sum(fields_filled) as fields_filled,
    count(*) filter (where is_new_this_month) as new_this_month,
    count(*) filter (where is_buyer) as buyers,
    count(*) filter (where is_buyer and is_contacted_7) as buyers_contacted_7,
    count(*) filter (where is_buyer and is_contacted_30) as buyers_contacted_30,
    count(*) filter (where is_buyer and is_contacted_90) as buyers_contacted_90,
    count(*) filter (where is_buyer and has_no_next_step) as buyers_without_next_step,
    count(*) filter (where is_repeat_buyer) as repeat_buyers
  from clients
  group by {{ categories }}

)

select * from final
order by manager, segment_sort
