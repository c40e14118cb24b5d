{{ config(tags=['nightly']) }}

with today as (

  select
    {{ as_of_date() }} as forecast_day,
    date_trunc('month', cast({{ as_of_date() }} as timestamp)) as month_start

),

-- A forecast made at the beginning of a month knows all that happened until the day before.
final as (

  select
    forecast_day,
    cast(month_start as date) as month_start,
    {{ as_of() }} as forecast_at,
    true as is_current
  from today
  union all
  select
    cast(series.month_start as date) - 1 as forecast_day,
    cast(series.month_start as date) as month_start,
    {{ local_midnight('series.month_start') }} as forecast_at,
    false as is_current
  from today
  inner join
    lateral generate_series(
      today.month_start - interval '{{ var("forecast_backtest_months") }} months',
      today.month_start,
      interval '1 month'
    ) as series (month_start)
    on true

)

select * from final
