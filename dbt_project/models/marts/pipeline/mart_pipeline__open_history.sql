{{ config(tags=['nightly']) }}
with stays as (

  select * from {{ ref('int_pipeline__deal_stays') }}

),

deal_values as (

  select * from {{ ref('int_pipeline__deal_values') }}

),

snapshot_days as (

  select * from {{ ref('int_pipeline__snapshot_days') }}

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

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

stages as (

  select * from {{ ref('dim_stages') }}
  where entity = 'deal'

),

-- Stretches in which neither stage nor values of a deal change; one rate for all days, so that only deals move sums.
stretches as (

  select
    stays.pipeline_id,
    stays.stage_id,
    coalesce(managers.manager_id, 0) as manager_id,
    coalesce(deal_values.amount_in_currency * rates.rate, 0) as amount,
    {{ local_date('greatest(stays.entered_at, deal_values.valid_from)') }} as first_day,
    {{ local_date("least(stays.left_at, nullif(deal_values.valid_to, 'infinity'))") }} as gone_day
  from stays
  inner join deal_values
    on
      stays.deal_id = deal_values.deal_id
      and (stays.left_at is null or stays.left_at > deal_values.valid_from)
      and stays.entered_at < deal_values.valid_to
  cross join base
  left join rates
    on {{ rate_of_day('coalesce(deal_values.currency, base.base_currency)', as_of_date()) }}
  left join managers on deal_values.manager_id = managers.manager_id
  where
    stays.left_at is null
    or stays.left_at >= (select {{ local_midnight('min(snapshot_days.snapshot_day)') }} from snapshot_days)

),

-- A deal is counted on the days at whose end it was open: it comes on the first of them and goes on the day it left.
steps as (

  select
    pipeline_id,
    stage_id,
    manager_id,
    first_day as step_day,
    1 as deals,
    amount
  from stretches
  where gone_day is null or gone_day > first_day
  union all
  select
    pipeline_id,
    stage_id,
    manager_id,
    gone_day as step_day,
    -1 as deals,
    -amount as amount
  from stretches
  where gone_day > first_day

),

daily as (

  select
    pipeline_id,
    stage_id,
    manager_id,
    step_day,
    sum(deals) as deals,
    sum(amount) as amount
  from steps
  group by pipeline_id, stage_id, manager_id, step_day

),

-- The first day shown that is not earlier: each of the last days, before them the ends of months.
changes as (

  select
    pipeline_id,
    stage_id,
    manager_id,
    {{ snapshot_day_of('step_day') }} as snapshot_day,
    deals,
    amount
  from daily

),

holders as (

  select distinct
    pipeline_id,
    stage_id,
    manager_id
  from changes

),

filled as (

  select
    pipeline_id,
    stage_id,
    manager_id,
    snapshot_day,
    deals,
    amount
  from changes
  union all
  select
    holders.pipeline_id,
    holders.stage_id,
    holders.manager_id,
    snapshot_days.snapshot_day,
    0 as deals,
    0 as amount
  from holders
  cross join snapshot_days

),

levels as (

  select
    pipeline_id,
    stage_id,
    manager_id,
    snapshot_day,
    sum(sum(deals)) over so_far as open_deals,
    sum(sum(amount)) over so_far as open_amount
  from filled
  group by pipeline_id, stage_id, manager_id, snapshot_day
  window so_far as (partition by pipeline_id, stage_id, manager_id order by snapshot_day)

),

final as (

  select
    levels.snapshot_day,
    snapshot_days.is_latest,
    snapshot_days.is_daily,
    snapshot_days.is_week_end,
    snapshot_days.is_month_end,
    levels.manager_id,
    managers.manager,
    managers.department,
    levels.pipeline_id,
    coalesce(pipelines.pipeline, 'Воронка № ' || levels.pipeline_id) as pipeline,
    '—' as channel,
    levels.stage_id,
    stages.stage,
    stages.sort as stage_sort,
    cast(levels.open_deals as bigint) as open_deals,
    levels.open_amount
  from levels
  inner join snapshot_days on levels.snapshot_day = snapshot_days.snapshot_day
  inner join managers on levels.manager_id = managers.manager_id
  inner join stages on levels.stage_id = stages.stage_id
  left join pipelines on levels.pipeline_id = pipelines.pipeline_id
  where levels.open_deals > 0

)

select * from final
order by snapshot_day
