with journeys as (

  select * from {{ ref('fct_journeys') }}
  where status_code = 'lost'

),

period_days as (

  select * from {{ ref('int_calendar__period_days') }}
  where compared_with = 'own'

),

periods as (

  select * from {{ ref('dim_periods') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

-- By cohort a loss counts where the journey began and with whom; by period when it was lost, and with whom.
viewed as (

  select
    'Когорта' as view_kind,
    1 as view_kind_sort,
    started_date as day,
    start_manager_id as whose_id,
    journeys.*
  from journeys
  union all
  select
    'Период' as view_kind,
    2 as view_kind_sort,
    lost_date as day,
    lost_manager_id as whose_id,
    journeys.*
  from journeys

),

by_period as (

  select
    viewed.view_kind,
    viewed.view_kind_sort,
    period_days.period_grain,
    period_days.period_start,
    viewed.entry,
    viewed.entry_sort,
    viewed.step_number,
    viewed.step,
    viewed.whose_id,
    viewed.pipeline,
    viewed.channel,
    viewed.loss_reason,
    count(*) as journeys_lost,
    sum(viewed.lost_amount) as amount_lost
  from period_days
  inner join viewed on period_days.day = viewed.day
  group by
    viewed.view_kind,
    viewed.view_kind_sort,
    period_days.period_grain,
    period_days.period_start,
    viewed.entry,
    viewed.entry_sort,
    viewed.step_number,
    viewed.step,
    viewed.whose_id,
    viewed.pipeline,
    viewed.channel,
    viewed.loss_reason

),

final as (

  select
    {{ period_columns() }},
    by_period.view_kind,
    by_period.view_kind_sort,
    by_period.entry,
    by_period.entry_sort,
    by_period.step_number,
    by_period.step,
    by_period.step_number || '. ' || by_period.step as step_label,
    managers.manager_id,
    managers.manager,
    managers.department,
    by_period.pipeline,
    by_period.channel,
    by_period.loss_reason,
    by_period.journeys_lost,
    by_period.amount_lost
  from by_period
  inner join managers on by_period.whose_id = managers.manager_id
  inner join periods
    on
      by_period.period_grain = periods.period_grain
      and by_period.period_start = periods.period_start

)

select * from final
order by period_grain_sort, period_choice_sort
