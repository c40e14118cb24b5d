{{ config(tags=['nightly']) }}
with forecasts as (

  select * from {{ ref('int_pipeline__past_forecasts') }}

),

forecast_days as (

  select * from {{ ref('int_pipeline__forecast_days') }}
  where not is_current

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

-- What was forecast: at the beginning of one month for it and for the months after.
horizons as (

  select
    forecast_days.forecast_day,
    forecast_days.month_start as forecast_month,
    series.months_ahead,
    cast(forecast_days.month_start + make_interval(months => series.months_ahead) as date) as month_start,
    cast(forecast_days.month_start + make_interval(months => series.months_ahead + 1) as date) as month_end
  from forecast_days
  cross join generate_series(0, {{ var('forecast_backtest_months_ahead') }}) as series (months_ahead)

),

expected as (

  select
    horizons.forecast_month,
    horizons.months_ahead,
    forecasts.manager_id,
    forecasts.pipeline_id,
    count(*) as forecast_deals,
    count(*) filter (where forecasts.is_known is not true) as unproven_deals,
    sum(forecasts.amount) as forecast_amount,
    sum(forecasts.weighted_amount) as weighted_amount,
    0 as won_deals,
    0 as won_amount,
    0 as won_open_amount
  from horizons
  inner join forecasts
    on
      horizons.forecast_day = forecasts.forecast_day
      and horizons.month_start <= forecasts.expected_close_date
      and horizons.month_end > forecasts.expected_close_date
  group by
    horizons.forecast_month,
    horizons.months_ahead,
    forecasts.manager_id,
    forecasts.pipeline_id

),

wins as (

  select
    deal_id,
    closed_manager_id as manager_id,
    pipeline_id,
    amount,
    {{ local_date('won_at') }} as won_day
  from deals
  where won_at is not null and is_selling

),

won as (

  select
    horizons.forecast_month,
    horizons.months_ahead,
    wins.manager_id,
    wins.pipeline_id,
    0 as forecast_deals,
    0 as unproven_deals,
    0 as forecast_amount,
    0 as weighted_amount,
    count(*) as won_deals,
    sum(wins.amount) as won_amount,
    sum(case when forecasts.deal_id is not null then wins.amount else 0 end) as won_open_amount
  from horizons
  inner join wins
    on horizons.month_start <= wins.won_day and horizons.month_end > wins.won_day
  left join forecasts
    on horizons.forecast_day = forecasts.forecast_day and wins.deal_id = forecasts.deal_id
  group by
    horizons.forecast_month,
    horizons.months_ahead,
    wins.manager_id,
    wins.pipeline_id

),

sides as (

  select * from expected
  union all
  select * from won

),

compared as (

  select
    forecast_month,
    months_ahead,
    manager_id,
    pipeline_id,
    sum(forecast_deals) as forecast_deals,
    sum(unproven_deals) as unproven_deals,
    sum(forecast_amount) as forecast_amount,
    sum(weighted_amount) as weighted_amount,
    sum(won_deals) as won_deals,
    sum(won_amount) as won_amount,
    sum(won_open_amount) as won_open_amount
  from sides
  group by forecast_month, months_ahead, manager_id, pipeline_id

),

final as (

  select
    compared.forecast_month,
    compared.months_ahead,
    horizons.month_start,
    {{ month_label('horizons.month_start') }} as month_label,
    horizons.month_end <= {{ as_of_date() }} + 1 as is_complete,
    compared.manager_id,
    managers.manager,
    managers.department,
    compared.pipeline_id,
    pipelines.pipeline,
    '—' as channel,
    pipelines.is_selling,
    cast(compared.forecast_deals as bigint) as forecast_deals,
    cast(compared.unproven_deals as bigint) as unproven_deals,
    compared.forecast_amount,
    compared.weighted_amount,
    cast(compared.won_deals as bigint) as won_deals,
    compared.won_amount,
    compared.won_open_amount,
    compared.weighted_amount - compared.won_amount as bias_amount,
    abs(compared.weighted_amount - compared.won_amount) as absolute_error_amount
  from compared
  inner join horizons
    on
      compared.forecast_month = horizons.forecast_month
      and compared.months_ahead = horizons.months_ahead
  inner join managers on compared.manager_id = managers.manager_id
  inner join pipelines on compared.pipeline_id = pipelines.pipeline_id

)

select * from final
order by forecast_month, months_ahead
