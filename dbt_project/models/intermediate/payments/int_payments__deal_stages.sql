{%- set stages = var('payment_stages') -%}

{#- Where no stage means money, nothing is read. -#}
{%- set none_if_no_stage = '' if stages else 'where false' -%}

with intervals as (

  select * from {{ ref('int_deals__stage_intervals') }}
  {{ none_if_no_stage }}

),

lifecycle as (

  select * from {{ ref('int_deals__lifecycle') }}
  {{ none_if_no_stage }}

),

deals as (

  select * from {{ ref('stg_bitrix24__deals') }}

),

versions as (

  select * from {{ ref('stg_bitrix24__deal_versions') }}

),

stages as (

  select * from {{ ref('int_stages__dictionary') }}
  where entity = 'deal'

),

paid_stages as (

  select
    stage_id,
    pipeline_id,
    sort
  from stages
  where {{ "stage_id in ('" ~ stages | join("', '") ~ "')" if stages else 'false' }}

),

stays as (

  select
    intervals.deal_id,
    intervals.entered_at,
    intervals.visit_number,
    paid_stages.stage_id,
    lag(paid_stages.stage_id) over (partition by intervals.deal_id order by intervals.visit_number) as stage_before
  from intervals
  left join paid_stages on intervals.stage_id = paid_stages.stage_id

),

-- The last time the deal came into a paid stage from one that is none.
entries as (

  select
    deal_id,
    max(entered_at) as entered_at,
    (array_agg(stage_id order by visit_number desc))[1] as stage_id
  from stays
  where stage_id is not null and stage_before is null
  group by deal_id

),

-- A payment is undone by a failure, or by going back before the paid stage in its pipeline.
states as (

  select
    lifecycle.deal_id,
    coalesce(entries.entered_at, deals.moved_at, deals.modified_at) as paid_at,
    deals.amount,
    deals.currency,
    deals.manager_id
  from lifecycle
  inner join deals on lifecycle.deal_id = deals.deal_id
  left join entries on lifecycle.deal_id = entries.deal_id
  left join paid_stages as entered on entries.stage_id = entered.stage_id
  left join paid_stages as present on lifecycle.stage_id = present.stage_id
  inner join stages on lifecycle.stage_id = stages.stage_id
  where
    (entries.deal_id is not null or present.stage_id is not null)
    and lifecycle.semantic <> 'failure'
    and (
      present.stage_id is not null
      or lifecycle.semantic = 'success'
      or stages.pipeline_id is distinct from entered.pipeline_id
      or stages.sort >= entered.sort
    )

),

final as (

  select
    states.deal_id,
    states.paid_at,
    states.amount,
    states.currency,
    coalesce({{ responsible_at('states.paid_at') }}, states.manager_id, 0) as paid_manager_id
  from states
  left join versions on states.deal_id = versions.deal_id
  where states.paid_at < {{ as_of() }}
  group by states.deal_id, states.paid_at, states.amount, states.currency, states.manager_id

)

select * from final
