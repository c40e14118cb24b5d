with events as (

  select * from {{ ref('fct_metric_events') }}
  where metric_code = 'deals_lost'

),

deals as (

  select * from {{ ref('fct_deals') }}

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
    events.manager,
    events.department,
    events.pipeline,
    events.channel,
    deals.amount,
    coalesce(nullif(deals.loss_reason, ''), 'Не указана') as loss_reason
  from events
  inner join deals on events.card_id = deals.deal_id

),

by_period as (

  select
    period_days.period_grain,
    period_days.period_start,
    losses.manager_id,
    losses.manager,
    losses.department,
    losses.pipeline,
    losses.channel,
    losses.loss_reason,
    count(*) filter (where period_days.compared_with = 'own') as deals_lost,
    coalesce(sum(losses.amount) filter (where period_days.compared_with = 'own'), 0) as amount_lost,
    count(*) filter (where period_days.compared_with = 'previous') as previous_deals_lost
  from period_days
  inner join losses on period_days.day = losses.event_date
  where period_days.compared_with in ('own', 'previous')
  group by
    period_days.period_grain,
    period_days.period_start,
    losses.manager_id,
    losses.manager,
    losses.department,
    losses.pipeline,
    losses.channel,
    losses.loss_reason

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
