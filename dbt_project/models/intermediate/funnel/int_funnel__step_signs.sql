with lines as (

  select * from {{ ref('int_funnel__step_lines') }}
  where is_chosen and problem is null

),

steps as (

  select * from {{ ref('int_funnel__steps') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

stages as (

  select * from {{ ref('int_stages__dictionary') }}

),

signs as (

  select
    lines.entry,
    lines.step_code,
    lines.metric_code,
    cast(null as text) as entity,
    cast(null as text) as stage_id
  from lines
  where lines.metric_code is not null
  union
  select
    lines.entry,
    lines.step_code,
    cast(null as text) as metric_code,
    stages.entity,
    stages.stage_id
  from lines
  left join pipelines on lines.pipeline in (pipelines.pipeline, cast(pipelines.pipeline_id as text))
  inner join stages
    on {{ is_stage_of_line('lines', 'stages', 'pipelines') }}

),

final as (

  select
    signs.entry as entry_code,
    signs.step_code,
    steps.step_number,
    signs.metric_code,
    signs.entity,
    signs.stage_id
  from signs
  inner join steps on signs.entry = steps.entry_code and signs.step_code = steps.step_code

)

select * from final
