with periods as (

  select * from {{ ref('dim_periods') }}

),

calendar as (

  select * from {{ ref('dim_calendar') }}

),

-- Each period looks at three windows: its own days, those of the period before and those of a year ago.
windows as (

  select
    period_grain,
    period_start,
    is_current,
    'own' as compared_with,
    period_start as window_start,
    period_end as window_end
  from periods
  union all
  select
    period_grain,
    period_start,
    is_current,
    'previous' as compared_with,
    previous_start as window_start,
    previous_end as window_end
  from periods
  union all
  select
    period_grain,
    period_start,
    is_current,
    'year_ago' as compared_with,
    year_ago_start as window_start,
    year_ago_end as window_end
  from periods

),

final as (

  select
    windows.period_grain,
    windows.period_start,
    windows.is_current,
    windows.compared_with,
    calendar.day
  from windows
  inner join calendar
    on
      windows.window_start <= calendar.day
      and windows.window_end > calendar.day

)

select * from final
