with pipelines as (

  select * from {{ ref('stg_bitrix24__pipelines') }}
  where entity_type_id = 2

),

deals as (

  select * from {{ ref('int_deals__lifecycle') }}

),

stages as (

  select * from {{ ref('dim_stages') }}
  where entity = 'deal'

),

mentioned as (

  select pipeline_id from deals
  union
  select pipeline_id from stages
  where pipeline_id is not null

),

named as (

  select
    coalesce(pipelines.pipeline_id, mentioned.pipeline_id) as pipeline_id,
    coalesce(pipelines.pipeline, 'Воронка № ' || coalesce(pipelines.pipeline_id, mentioned.pipeline_id)) as pipeline,
    cast(case when pipelines.pipeline_id is null then 1000000 else pipelines.sort end as integer) as sort
  from pipelines
  full outer join mentioned on pipelines.pipeline_id = mentioned.pipeline_id

),

final as (

  select
    pipeline_id,
    case
      when count(*) over (partition by pipeline) > 1 then pipeline || ' (' || pipeline_id || ')'
      else pipeline
    end as pipeline,
    sort,
    {{ is_selling('pipeline_id') }} as is_selling
  from named

)

select * from final
