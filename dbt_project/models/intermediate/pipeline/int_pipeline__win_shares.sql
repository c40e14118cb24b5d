{{ config(tags=['nightly'], indexes=[{'columns': ['forecast_day', 'pipeline_id', 'stage_id'], 'unique': true}]) }}

with closings as (

  select * from {{ ref('int_pipeline__closings') }}

),

stays as (

  select * from {{ ref('int_pipeline__deal_stays') }}

),

forecast_days as (

  select * from {{ ref('int_pipeline__forecast_days') }}

),

dated as (

  select
    deal_id,
    pipeline_id,
    is_won,
    closed_at,
    {{ local_date('closed_at') }} as closed_day,
    {{ local_date('reopened_at') }} as reopened_day
  from closings

),

recent as (

  select dated.*
  from dated
  where
    dated.closed_day > (
      select min(forecast_days.forecast_day) - {{ var('win_share_days') }}
      from forecast_days
    )

),

stood as (

  select distinct
    recent.deal_id,
    recent.closed_at,
    stays.stage_id
  from recent
  inner join stays
    on
      recent.deal_id = stays.deal_id
      and recent.pipeline_id = stays.pipeline_id
      and recent.closed_at >= stays.entered_at

),

-- Days and not deals are compared with the forecast's, which keeps that join small.
daily as (

  select
    recent.pipeline_id,
    stood.stage_id,
    recent.closed_day,
    recent.reopened_day,
    count(*) as closed_deals,
    count(*) filter (where recent.is_won) as won_deals
  from recent
  inner join stood on recent.deal_id = stood.deal_id and recent.closed_at = stood.closed_at
  group by recent.pipeline_id, stood.stage_id, recent.closed_day, recent.reopened_day
  union all
  select
    pipeline_id,
    cast(null as text) as stage_id,
    closed_day,
    reopened_day,
    count(*) as closed_deals,
    count(*) filter (where is_won) as won_deals
  from recent
  group by pipeline_id, closed_day, reopened_day

),

counted as (

  select
    forecast_days.forecast_day,
    daily.pipeline_id,
    daily.stage_id,
    sum(daily.closed_deals) as closed_deals,
    sum(daily.won_deals) as won_deals
  from forecast_days
  inner join daily
    on
      forecast_days.forecast_day >= daily.closed_day
      and forecast_days.forecast_day - {{ var('win_share_days') }} < daily.closed_day
      and (forecast_days.forecast_day < daily.reopened_day or daily.reopened_day is null)
  group by forecast_days.forecast_day, daily.pipeline_id, daily.stage_id

),

stages as (

  select distinct
    pipeline_id,
    stage_id
  from stays

),

final as (

  select
    forecast_days.forecast_day,
    stages.pipeline_id,
    stages.stage_id,
    cast(coalesce(own.closed_deals, 0) as bigint) as closed_deals,
    cast(coalesce(own.won_deals, 0) as bigint) as won_deals,
    coalesce(own.closed_deals, 0) < {{ var('win_share_min_deals') }} as is_of_pipeline,
    coalesce(
      trim_scale(
        round(
          case
            when own.closed_deals >= {{ var('win_share_min_deals') }} then own.won_deals / own.closed_deals
            else whole.won_deals / whole.closed_deals
          end,
          10
        )
      ),
      0
    ) as probability,
    coalesce(trim_scale(round(whole.won_deals / whole.closed_deals, 10)), 0) as pipeline_probability
  from forecast_days
  cross join stages
  left join counted as own
    on
      forecast_days.forecast_day = own.forecast_day
      and stages.pipeline_id = own.pipeline_id
      and stages.stage_id = own.stage_id
  left join counted as whole
    on
      forecast_days.forecast_day = whole.forecast_day
      and stages.pipeline_id = whole.pipeline_id
      and whole.stage_id is null

)

select * from final
