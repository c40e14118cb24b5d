{#- Each view of the steps is imported by itself: one CTE read twice would be scanned whole, not by the index. -#}
with by_start as (

  select
    *,
    'Когорта' as view_kind,
    1 as view_kind_sort,
    started_date as day,
    start_manager_id as whose_id
  from {{ ref('fct_journey_steps') }}

),

by_event as (

  select
    *,
    'Период' as view_kind,
    2 as view_kind_sort,
    reached_date as day,
    manager_id as whose_id
  from {{ ref('fct_journey_steps') }}

),

journeys as (

  select * from {{ ref('fct_journeys') }}

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
    journeys.entry,
    journeys.entry_sort,
    viewed.step_code,
    viewed.step,
    viewed.step_number,
    viewed.step_number || '. ' || viewed.step as step_label,
    managers.manager_id,
    managers.manager,
    managers.department,
    viewed.pipeline,
    viewed.channel,
    viewed.journey_key,
    journeys.title,
    journeys.client,
    {{ local_time('journeys.started_at') }} as started_local,
    {{ local_time('viewed.reached_at') }} as reached_local,
    viewed.is_skipped,
    viewed.is_furthest,
    viewed.days_from_previous,
    viewed.days_from_start,
    journeys.status,
    coalesce(journeys.loss_reason, '—') as loss_reason,
    journeys.days,
    journeys.deals_count,
    journeys.revenue,
    journeys.crm_url,
    {{ crm_link('journeys.crm_url') }} as crm_link
  from viewed
  inner join journeys on viewed.journey_key = journeys.journey_key
  inner join managers on viewed.whose_id = managers.manager_id
  inner join periods
    on
      viewed.day >= periods.period_start
      and viewed.day < periods.period_end

)

select * from final
