{{ config(tags=['nightly'], indexes=[{'columns': ['forecast_day', 'deal_id'], 'unique': true}]) }}

with stays as (

  select * from {{ ref('int_pipeline__deal_stays') }}

),

deal_values as (

  select * from {{ ref('int_pipeline__deal_values') }}

),

forecast_days as (

  select * from {{ ref('int_pipeline__forecast_days') }}
  where not is_current

),

win_shares as (

  select * from {{ ref('int_pipeline__win_shares') }}

),

rates as (

  select * from {{ ref('int_currencies__daily_rates') }}

),

base as (

  select max(base_currency) as base_currency from rates

),

managers as (

  select * from {{ ref('dim_managers') }}

),

final as (

  select
    forecast_days.forecast_day,
    forecast_days.month_start,
    stays.deal_id,
    stays.pipeline_id,
    stays.stage_id,
    coalesce(managers.manager_id, 0) as manager_id,
    deal_values.expected_close_date,
    coalesce(deal_values.known_from < forecast_days.forecast_at, false) as is_known,
    coalesce(deal_values.amount_in_currency * rates.rate, 0) as amount,
    trim_scale(coalesce(deal_values.amount_in_currency * rates.rate, 0) * win_shares.probability) as weighted_amount
  from forecast_days
  inner join stays
    on
      forecast_days.forecast_at > stays.entered_at
      and (stays.left_at is null or forecast_days.forecast_at <= stays.left_at)
  inner join deal_values
    on
      stays.deal_id = deal_values.deal_id
      and forecast_days.forecast_at > deal_values.valid_from
      and forecast_days.forecast_at <= deal_values.valid_to
  inner join win_shares
    on
      forecast_days.forecast_day = win_shares.forecast_day
      and stays.pipeline_id = win_shares.pipeline_id
      and stays.stage_id = win_shares.stage_id
  cross join base
  left join rates
    on {{ rate_of_day('coalesce(deal_values.currency, base.base_currency)', 'forecast_days.forecast_day') }}
  left join managers on deal_values.manager_id = managers.manager_id

)

select * from final
