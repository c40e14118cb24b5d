with sums as (

  select * from {{ ref('int_kpi__event_sums') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

-- A channel of the analyst's may be called «Без канала» too.
final as (

  select
    sums.metric_code,
    sums.event_date,
    sums.manager_id,
    managers.manager,
    managers.department,
    coalesce(pipelines.pipeline, 'Без воронки') as pipeline,
    coalesce(nullif(sums.channel, ''), 'Без канала') as channel,
    sum(sums.amount) as value
  from sums
  inner join managers on sums.manager_id = managers.manager_id
  left join pipelines on sums.pipeline_id = pipelines.pipeline_id
  group by
    sums.metric_code,
    sums.event_date,
    sums.manager_id,
    managers.manager,
    managers.department,
    coalesce(pipelines.pipeline, 'Без воронки'),
    coalesce(nullif(sums.channel, ''), 'Без канала')

)

select * from final
order by event_date
