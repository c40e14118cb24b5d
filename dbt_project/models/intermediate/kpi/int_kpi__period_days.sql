with periods as (

  select * from {{ ref('dim_periods') }}

),

daily as (

  select * from {{ ref('mart_kpi__daily') }}

),

days as (

  select distinct event_date
  from daily

),

-- each period looks at three windows: its own days, those of the period before and those of a year ago
windows as (

  select
    period_grain,
    period_start,
    'own' as compared_with,
    period_start as window_start,
    period_end as window_end
  from periods

  union all

  select
    period_grain,
    period_start,
    'previous' as compared_with,
    previous_start as window_start,
    previous_end as window_end
  from periods

  union all

  select
    period_grain,
    period_start,
    'year_ago' as compared_with,
    year_ago_start as window_start,
    year_ago_end as window_end
  from periods

),

final as (

  select
    windows.period_grain,
    windows.period_start,
    windows.compared_with,
    days.event_date
  from windows
  inner join days
    on
      windows.window_start <= days.event_date
      and windows.window_end > days.event_date

)

select * from final
