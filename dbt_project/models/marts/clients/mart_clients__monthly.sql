with clients as (

  select * from {{ ref('mart_clients__base') }}

),

final as (

  select
    created_month as month_start,
    {{ month_label('created_month') }} as month_label,
    is_new_this_month as is_current,
    cast(
      12 * (extract(year from {{ as_of_date() }}) - extract(year from created_month))
      + extract(month from {{ as_of_date() }}) - extract(month from created_month) as integer
    ) as months_ago,
    manager_id,
    manager,
    department,
    owner_status,
    pipeline,
    channel,
    abc,
    abc_sort,
    segment,
    segment_sort,
    count(*) as clients,
    count(*) filter (where not is_never_contacted) as contacted,
    count(*) filter (where is_contacted_30) as contacted_30,
    count(*) filter (where is_never_contacted) as never_contacted,
    count(*) filter (where has_no_next_step) as without_next_step,
    count(*) filter (where is_never_contacted and has_no_next_step and won_deals = 0) as untouched,
    count(*) filter (where deals > 0) as with_deals,
    count(*) filter (where is_buyer) as buyers,
    count(*) filter (where is_repeat_buyer) as repeat_buyers,
    sum(revenue) as revenue,
    sum(open_amount) as open_amount
  from clients
  group by
    created_month,
    is_new_this_month,
    manager_id,
    manager,
    department,
    owner_status,
    pipeline,
    channel,
    abc,
    abc_sort,
    segment,
    segment_sort

)

select * from final
order by month_start, manager
