with deals as (

  select * from {{ ref('mart_pipeline__open_deals') }}

),

final as (

  select
    manager_id,
    manager,
    department,
    pipeline_id,
    pipeline,
    channel,
    is_selling,
    stage_id,
    stage,
    stage_sort,
    probability,
    stuck_after_days,
    count(*) as open_deals,
    sum(amount) as amount,
    sum(weighted_amount) as weighted_amount,
    sum(days_in_stage) as days_in_stage,
    count(*) filter (where has_no_next_step) as without_next_step,
    count(*) filter (where is_stuck) as stuck,
    count(*) filter (where is_overdue) as overdue,
    count(*) filter (where has_no_close_date) as without_close_date,
    count(*) filter (where has_no_amount) as without_amount
  from deals
  group by
    manager_id,
    manager,
    department,
    pipeline_id,
    pipeline,
    channel,
    is_selling,
    stage_id,
    stage,
    stage_sort,
    probability,
    stuck_after_days

)

select * from final
order by pipeline, stage_sort
