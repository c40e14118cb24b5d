-- Counts of flags by pipeline are the flagged rows of the register.
with register as (

  select
    pipeline_id,
    count(*) filter (where next_step = 'Нет следующего шага') as without_next_step,
    count(*) filter (where is_stuck) as stuck,
    count(*) filter (where days_to_close < 0) as overdue,
    count(*) filter (where expected_close_date is null) as without_close_date,
    count(*) filter (where amount = 0) as without_amount
  from {{ ref('mart_pipeline__open_deals') }}
  group by pipeline_id

),

stages as (

  select
    pipeline_id,
    sum(without_next_step) as without_next_step,
    sum(stuck) as stuck,
    sum(overdue) as overdue,
    sum(without_close_date) as without_close_date,
    sum(without_amount) as without_amount
  from {{ ref('mart_pipeline__by_stage') }}
  group by pipeline_id

)

select pipeline_id
from register
full join stages using (pipeline_id)
where
  {%- for flag in ['without_next_step', 'stuck', 'overdue', 'without_close_date', 'without_amount'] %}
    {{ 'or ' if not loop.first }}coalesce(register.{{ flag }}, 0) <> coalesce(stages.{{ flag }}, 0)
  {%- endfor %}
