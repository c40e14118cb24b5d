-- The look ahead is the horizons of dashboard 3 and the open activities, no more and no less: what is due today, until
-- Sunday, this and next month, what is overdue; its sums are its register's rows, and no item is lost between them.
with planned as (

  select * from {{ ref('mart_plan_fact__planned') }}

),

look_ahead as (

  select * from {{ ref('mart_plan_fact__look_ahead') }}

),

horizons as (

  select * from {{ ref('mart_pipeline__open_deal_horizons') }}

),

open_activities as (

  select * from {{ ref('int_activities__open') }}

),

items as (

  select * from {{ ref('fct_planned_items') }}

),

named as (

  select
    *,
    case
      when ahead = 'Сегодня' then 'Сегодня'
      when ahead = 'До конца недели' then 'Эта неделя'
      when ahead = 'До конца месяца' then 'Этот месяц'
      when ahead = 'Следующий месяц' then 'Следующий месяц'
      when ahead = 'Просрочено' and period_grain = 'Месяц' then 'Просрочены'
    end as horizon
  from planned
  where item_type = 'deal'

),

closings as (

  select
    horizon,
    manager_id,
    count(*) as deals,
    sum(amount) as amount,
    sum(weighted_amount) as weighted_amount
  from named
  where horizon is not null
  group by horizon, manager_id

),

expected as (

  select
    horizon,
    manager_id,
    count(*) as deals,
    sum(amount) as amount,
    sum(weighted_amount) as weighted_amount
  from horizons
  where horizon not in ('Все', 'Без даты')
  group by horizon, manager_id

),

rows_counted as (

  select
    period_grain,
    period_choice,
    manager_id,
    count(*) as items,
    sum(amount) as amount,
    sum(weighted_amount) as weighted_amount
  from planned
  group by period_grain, period_choice, manager_id

),

sums as (

  select
    period_grain,
    period_choice,
    manager_id,
    sum(deals_due + meetings_planned + calls_planned + emails_planned + tasks_planned + others_planned) as items,
    sum(deals_due + activities_planned) as items_by_type,
    sum(deals_due_amount) as amount,
    sum(deals_due_weighted) as weighted_amount
  from look_ahead
  group by period_grain, period_choice, manager_id

),

lost as (

  select open_activities.activity_id as item_id
  from open_activities
  left join items on open_activities.activity_id = items.item_id and items.item_type = 'activity'
  where items.item_id is null
  union all
  select horizons.deal_id as item_id
  from horizons
  left join items on horizons.deal_id = items.item_id and items.item_type = 'deal'
  where horizons.horizon = 'Все' and horizons.expected_close_date is not null and items.item_id is null

)

select
  'closings are the horizons' as problem,
  horizon as what,
  manager_id
from closings
full join expected using (horizon, manager_id)
where
  closings.deals is distinct from expected.deals
  or closings.amount is distinct from expected.amount
  or closings.weighted_amount is distinct from expected.weighted_amount
union all
select
  'sums are the rows' as problem,
  period_grain || ' ' || period_choice as what,
  manager_id
from rows_counted
full join sums using (period_grain, period_choice, manager_id)
where
  rows_counted.items is distinct from sums.items
  or rows_counted.items is distinct from sums.items_by_type
  or rows_counted.amount is distinct from sums.amount
  or rows_counted.weighted_amount is distinct from sums.weighted_amount
union all
select
  'no item is lost' as problem,
  cast(item_id as text) as what,
  0 as manager_id
from lost
