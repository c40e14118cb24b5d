{#- Each view of the losses is imported by itself: one CTE read twice would be scanned whole, not by the index. -#}
with by_start as (

  select
    *,
    'Когорта' as view_kind,
    1 as view_kind_sort,
    started_date as day,
    start_manager_id as whose_id
  from {{ ref('fct_journeys') }}
  where status_code = 'lost'

),

by_event as (

  select
    *,
    'Период' as view_kind,
    2 as view_kind_sort,
    lost_date as day,
    lost_manager_id as whose_id
  from {{ ref('fct_journeys') }}
  where status_code = 'lost'

),

periods as (

  select * from {{ ref('dim_periods') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

viewed as (

  select * from by_start
  union all
  select * from by_event

),

final as (

  select
    {{ period_columns() }},
    viewed.view_kind,
    viewed.view_kind_sort,
    viewed.entry,
    viewed.entry_sort,
    viewed.step_number,
    viewed.step,
    viewed.step_number || '. ' || viewed.step as step_label,
    managers.manager_id,
    managers.manager,
    managers.department,
    viewed.pipeline,
    viewed.channel,
    viewed.journey_key,
    viewed.title,
    viewed.client,
    {{ local_time('viewed.started_at') }} as started_local,
    {{ local_time('viewed.lost_at') }} as lost_local,
    viewed.days,
    viewed.loss_reason,
    viewed.lost_amount as amount_lost,
    viewed.crm_url,
    {{ crm_link('viewed.crm_url') }} as crm_link
  from viewed
  inner join managers on viewed.whose_id = managers.manager_id
  inner join periods
    on
      viewed.day >= periods.period_start
      and viewed.day < periods.period_end

)

select * from final
