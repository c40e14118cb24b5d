{{ config(tags=['nightly'], indexes=[{'columns': ['entity', 'stage_id', 'pipeline_id'], 'unique': true}]) }}

with deal_stays as (

  select * from {{ ref('int_pipeline__deal_stays') }}

),

lead_stays as (

  select * from {{ ref('int_pipeline__lead_stays') }}

),

stays as (

  select
    'deal' as entity,
    pipeline_id,
    stage_id,
    entered_at,
    left_at
  from deal_stays
  union all
  select
    'lead' as entity,
    pipeline_id,
    stage_id,
    entered_at,
    left_at
  from lead_stays

),

-- The norm itself is a stay: who stands longer than it stands longer than that share of them.
measured as (

  select
    entity,
    pipeline_id,
    stage_id,
    grouping(stage_id) = 1 as is_whole_pipeline,
    count(*) as stays_count,
    percentile_disc({{ var('stuck_share') }}) within group (order by left_at - entered_at) as stuck_after
  from stays
  where {{ local_date('left_at') }} > {{ as_of_date() }} - {{ var('stage_norm_days') }}
  group by grouping sets ((entity, pipeline_id, stage_id), (entity, pipeline_id))

),

stages as (

  select distinct
    entity,
    pipeline_id,
    stage_id
  from stays

),

final as (

  select
    stages.entity,
    stages.pipeline_id,
    stages.stage_id,
    coalesce(own.stays_count, 0) as stays_count,
    coalesce(own.stays_count, 0) < {{ var('stage_norm_min_stays') }} as is_of_pipeline,
    case
      when own.stays_count >= {{ var('stage_norm_min_stays') }} then own.stuck_after
      else whole.stuck_after
    end as stuck_after
  from stages
  left join measured as own
    on
      stages.entity = own.entity
      and stages.stage_id = own.stage_id
      and stages.pipeline_id is not distinct from own.pipeline_id
      and not own.is_whole_pipeline
  left join measured as whole
    on
      stages.entity = whole.entity
      and stages.pipeline_id is not distinct from whole.pipeline_id
      and whole.is_whole_pipeline

)

select * from final
