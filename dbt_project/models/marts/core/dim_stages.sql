with stages as (

  select * from {{ ref('int_stages__dictionary') }}

),

final as (

  select
    entity,
    stage_id,
    stage,
    pipeline_id,
    sort,
    semantic,
    is_deleted
  from stages

)

select * from final
