-- A month's target of the company is the sum of the plans of all, or less than it where nearer targets ask for more:
-- nothing is lost on the way to people and days, as long as somebody carries a share of it on each working day. And no
-- target stands deeper than levels are worked out for.
with targets as (

  select * from {{ ref('int_targets__entered') }}
  where
    problem is null
    and scope = 'company'
    and period = 'month'
    and not is_per_person
    and not is_ratio

),

calendar as (

  select * from {{ ref('dim_calendar') }}

),

plans as (

  select * from {{ ref('int_targets__manager_days') }}

),

candidates as (

  select * from {{ ref('int_targets__candidates') }}

),

months as (

  select
    targets.target_id,
    targets.metric_code,
    targets.value,
    calendar.month_start,
    count(*) filter (where calendar.is_working_day) as working_days
  from targets
  inner join calendar on targets.valid_from <= calendar.day and targets.valid_to >= calendar.day
  group by targets.target_id, targets.metric_code, targets.value, calendar.month_start
  having count(*) = extract(day from calendar.month_start + interval '1 month' - interval '1 day')

),

planned as (

  select
    months.target_id,
    months.month_start,
    sum(plans.plan) as plan,
    count(distinct plans.day) filter (
      where plans.target_id = months.target_id and plans.is_available
    ) as days_carried
  from months
  inner join plans
    on
      months.metric_code = plans.metric_code
      and months.month_start <= plans.day
      and months.month_start + interval '1 month' > plans.day
  group by months.target_id, months.month_start

)

select
  months.metric_code,
  months.month_start,
  months.value,
  planned.plan
from months
inner join planned on months.target_id = planned.target_id and months.month_start = planned.month_start
where months.working_days = planned.days_carried and planned.plan < months.value - 0.01
union all
select
  metric_code,
  min(day) as month_start,
  max(level) as value,
  null as plan
from candidates
where level > {{ target_levels() }}
group by metric_code
