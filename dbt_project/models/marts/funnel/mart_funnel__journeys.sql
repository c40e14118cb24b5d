with journeys as (

  select * from {{ ref('fct_journeys') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

starters as (

  select * from {{ ref('dim_managers') }}

),

final as (

  select
    {{ period_columns() }},
    journeys.journey_key,
    journeys.entry,
    journeys.entry_sort,
    journeys.title,
    journeys.client,
    managers.manager_id,
    managers.manager,
    managers.department,
    starters.manager as start_manager,
    journeys.pipeline,
    journeys.channel,
    journeys.utm_source,
    journeys.utm_medium,
    journeys.utm_campaign,
    journeys.step_number,
    journeys.step,
    {{ local_time('journeys.step_reached_at') }} as step_reached_local,
    journeys.status,
    journeys.status_code = 'won' as is_won,
    journeys.status_code = 'lost' as is_lost,
    journeys.status_code = 'open' as is_open,
    journeys.started_at,
    {{ local_time('journeys.started_at') }} as started_local,
    journeys.days,
    journeys.deals_count,
    journeys.deals_won,
    journeys.revenue,
    coalesce(journeys.loss_reason, '—') as loss_reason,
    journeys.crm_url,
    {{ crm_link('journeys.crm_url') }} as crm_link
  from journeys
  inner join managers on journeys.manager_id = managers.manager_id
  inner join starters on journeys.start_manager_id = starters.manager_id
  inner join periods
    on
      journeys.started_date >= periods.period_start
      and journeys.started_date < periods.period_end

)

select * from final
