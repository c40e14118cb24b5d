{{ config(tags=['nightly']) }}
with today as (

  select {{ as_of_date() }} as today

),

days as (

  select cast(series.day as date) as snapshot_day
  from today
  inner join
    lateral generate_series(
      cast({{ daily_snapshots_from() }} as timestamp), cast(today.today as timestamp), interval '1 day'
    ) as series (day)
    on true
  union
  select cast(series.month_start as date) - 1 as snapshot_day
  from today
  inner join
    lateral generate_series(
      {{ monthly_snapshots_from() }},
      date_trunc('month', cast(today.today as timestamp)),
      interval '1 month'
    ) as series (month_start)
    on true

),

final as (

  select
    days.snapshot_day,
    days.snapshot_day = today.today as is_latest,
    days.snapshot_day >= {{ daily_snapshots_from() }} as is_daily,
    extract(isodow from days.snapshot_day) = 7 as is_week_end,
    extract(day from days.snapshot_day + 1) = 1 as is_month_end
  from days
  cross join today

)

select * from final
