-- The sheet of a manager says what plan/fact says of the month, its places are those of the rating, and what is left of
-- the running day, week and month is brought by as much a day as plan/fact says.
with sheets as (

  select * from {{ ref('mart_plan_fact__manager_sheet') }}

),

attained as (

  select * from {{ ref('mart_plan_fact__attainment') }}

),

rating as (

  select * from {{ ref('mart_kpi__manager_rating') }}
  where period_grain = 'Месяц' and rank_rating is not null

),

ahead as (

  select * from {{ ref('mart_plan_fact__targets_ahead') }}
  where is_current and plan is not null

),

months as (

  select *
  from attained
  where period_grain = 'Месяц'

),

ranks as (

  select
    period_start,
    manager_id,
    'revenue_won' as metric_code,
    revenue_won as value,
    rank_revenue as metric_rank
  from rating
  union all
  select
    period_start,
    manager_id,
    'deals_won' as metric_code,
    deals_won as value,
    rank_deals_won as metric_rank
  from rating
  union all
  select
    period_start,
    manager_id,
    'calls_successful' as metric_code,
    calls_successful as value,
    rank_calls_successful as metric_rank
  from rating

),

running as (

  select *
  from attained
  where is_current and has_plan

)

select
  'fact' as what,
  period_start,
  metric_code,
  manager_id
from sheets
full join months using (period_start, metric_code, manager_id)
where
  coalesce(sheets.fact, 0) <> coalesce(months.fact, 0)
  or sheets.plan is distinct from months.plan
  or (months.manager_id is not null and sheets.manager_id is null)
union all
select
  'place' as what,
  period_start,
  metric_code,
  manager_id
from ranks
left join sheets using (period_start, metric_code, manager_id)
where
  ranks.metric_rank is distinct from sheets.metric_rank
  or ranks.value is distinct from sheets.value
union all
select
  'rest' as what,
  running.period_start,
  metric_code,
  manager_id
from running
full join ahead using (period_grain, metric_code, manager_id)
where
  running.plan is distinct from ahead.plan
  or running.value is distinct from ahead.value
  or running.remaining_days is distinct from ahead.remaining_days
  or running.remaining_per_day is distinct from ahead.remaining_per_day
