with events as (

  select * from {{ ref('fct_metric_events') }}
  where metric_code = 'deals_lost'

),

deals as (

  select * from {{ ref('fct_deals') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

period_days as (

  select * from {{ ref('int_calendar__period_days') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

losses as (

  select
    events.event_date,
    events.manager_id,
    managers.manager,
    managers.department,
    pipelines.pipeline,
    events.channel,
    deals.amount,
    coalesce(nullif(deals.loss_reason, ''), 'Не указана') as loss_reason
  from events
  inner join deals on events.card_id = deals.deal_id
  inner join managers on events.manager_id = managers.manager_id
  inner join pipelines on events.pipeline_id = pipelines.pipeline_id

),

-- Days and not deals are put into periods.
daily as (

  select
    event_date,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    loss_reason,
    count(*) as deals_lost,
    sum(amount) as amount_lost
  from losses
  group by event_date, manager_id, manager, department, pipeline, channel, loss_reason

),

by_period as (

  select
    period_days.period_grain,
    period_days.period_start,
    daily.manager_id,
    daily.manager,
    daily.department,
    daily.pipeline,
    daily.channel,
    daily.loss_reason,
    cast(coalesce(sum(daily.deals_lost) filter (where period_days.compared_with = 'own'), 0) as bigint) as deals_lost,
    coalesce(sum(daily.amount_lost) filter (where period_days.compared_with = 'own'), 0) as amount_lost,
    cast(coalesce(sum(daily.deals_lost) filter (where period_days.compared_with = 'previous'), 0) as bigint)
      as previous_deals_lost
  from period_days
  inner join daily on period_days.day = daily.event_date
  where period_days.compared_with in ('own', 'previous')
  group by
    period_days.period_grain,
    period_days.period_start,
    daily.manager_id,
    daily.manager,
    daily.department,
    daily.pipeline,
    daily.channel,
    daily.loss_reason

),

final as (

  select
    {{ period_columns() }},
    by_period.manager_id,
    by_period.manager,
    by_period.department,
    by_period.pipeline,
    by_period.channel,
    by_period.loss_reason,
    by_period.deals_lost,
    by_period.amount_lost,
    by_period.previous_deals_lost
  from by_period
  inner join periods
    on
      by_period.period_grain = periods.period_grain
      and by_period.period_start = periods.period_start

)

select * from final
order by period_grain_sort, period_choice_sort
