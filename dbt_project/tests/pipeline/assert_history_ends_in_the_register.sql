-- The history of open deals ends today in what the register says, by stage and manager.
with history as (

  select
    snapshot_day,
    pipeline_id,
    stage_id,
    manager_id,
    open_deals,
    open_amount
  from {{ ref('mart_pipeline__open_history') }}
  where is_latest

),

register as (

  select
    pipeline_id,
    stage_id,
    manager_id,
    count(*) as open_deals,
    sum(amount) as open_amount
  from {{ ref('mart_pipeline__open_deals') }}
  group by pipeline_id, stage_id, manager_id

)

select
  history.snapshot_day,
  pipeline_id,
  stage_id,
  manager_id
from history
full join register using (pipeline_id, stage_id, manager_id)
where
  coalesce(history.open_deals, 0) <> coalesce(register.open_deals, 0)
  or abs(coalesce(history.open_amount, 0) - coalesce(register.open_amount, 0)) > 0.01
