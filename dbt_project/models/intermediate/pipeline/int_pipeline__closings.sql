{{ config(indexes=[{'columns': ['deal_id', 'closed_at'], 'unique': true}]) }}

with deals as (

  select * from {{ ref('fct_deals') }}

),

intervals as (

  select * from {{ ref('int_deals__stage_intervals') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

entries as (

  select
    deal_id,
    visit_number,
    pipeline_id,
    semantic,
    entered_at,
    lag(semantic) over (partition by deal_id order by visit_number) as semantic_before
  from intervals

),

turns as (

  select
    deal_id,
    pipeline_id,
    semantic,
    entered_at,
    lead(entered_at) over (partition by deal_id order by visit_number) as ended_at
  from entries
  where semantic is distinct from semantic_before

),

-- Runs of success or failure that ended: closed then, but not any more.
past as (

  select
    turns.deal_id,
    turns.pipeline_id,
    turns.semantic = 'success' and pipelines.is_selling as is_won,
    turns.entered_at as closed_at,
    turns.ended_at as reopened_at
  from turns
  inner join deals on turns.deal_id = deals.deal_id
  inner join pipelines on turns.pipeline_id = pipelines.pipeline_id
  where turns.semantic <> 'process' and turns.ended_at > turns.entered_at

),

present as (

  select
    deal_id,
    pipeline_id,
    won_at is not null and is_selling as is_won,
    coalesce(won_at, lost_at) as closed_at,
    cast(null as timestamptz) as reopened_at
  from deals
  where won_at is not null or lost_at is not null

),

-- History that contradicts the card does not make a second closing of the same moment.
final as (

  select past.*
  from past
  left join present on past.deal_id = present.deal_id and past.closed_at = present.closed_at
  where present.deal_id is null
  union all
  select * from present

)

select * from final
