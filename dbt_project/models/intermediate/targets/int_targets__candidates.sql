{{ config(pre_hook="set local work_mem = '256MB'") }}

with targets as (

  select * from {{ ref('int_targets__entered') }}
  where problem is null

),

employment as (

  select * from {{ ref('int_targets__employment') }}

),

absences as (

  select * from {{ ref('int_targets__absences') }}
  where problem is null

),

periods as (

  select * from {{ ref('dim_periods') }}

),

calendar as (

  select
    *,
    count(*) filter (where is_working_day) over (partition by week_start) as week_working_days,
    count(*) filter (where is_working_day) over (partition by month_start) as month_working_days
  from {{ ref('dim_calendar') }}

),

-- From the month of the first data to the end of the month after this one.
horizon as (

  select
    min(period_start) as first_day,
    cast(date_trunc('month', cast({{ as_of_date() }} as timestamp)) + interval '2 months' as date) - 1 as last_day
  from periods
  where period_grain = 'Месяц'

),

days as (

  select calendar.*
  from calendar
  cross join horizon
  where calendar.day between horizon.first_day and horizon.last_day

),

-- Whom a target could count for; heads and others who do not share included, since an own target of theirs is a part of
-- what their department or the company is to reach. The greater its nearness, the nearer it is.
reach as (

  select
    targets.*,
    employment.manager_id as member_id,
    targets.scope = 'manager' or employment.is_sharing as is_counting,
    employment.employed_from,
    employment.employed_until,
    case targets.scope
      when 'manager' then 1000000
      when 'department' then targets.depth
      else -1
    end as nearness
  from targets
  inner join employment
    on
      (targets.scope = 'manager' and targets.manager_id = employment.manager_id)
      or targets.scope = 'company'
      or (
        targets.scope = 'department'
        and position('/' || targets.department_id || '/' in employment.path_ids) > 0
      )

),

levels as (

  select
    *,
    dense_rank() over (order by nearness desc) as level
  from reach

),

considered as (

  select
    levels.metric_code,
    levels.member_id as manager_id,
    days.day,
    levels.target_id,
    levels.level,
    levels.is_ratio,
    levels.is_counting,
    levels.value,
    levels.scope = 'manager' or levels.is_per_person as is_own,
    days.is_working_day,
    case levels.period
      when 'day' then days.day
      when 'week' then days.week_start
      else days.month_start
    end as period_start,
    case
      when not days.is_working_day then 0
      when levels.period = 'day' then levels.value
      when levels.period = 'week' then trim_scale(levels.value / days.week_working_days)
      else trim_scale(levels.value / days.month_working_days)
    end as daily_value,
    row_number() over (
      partition by levels.metric_code, levels.member_id, days.day
      order by levels.level, levels.target_id
    ) as choice
  from levels
  inner join days
    on
      days.day >= greatest(levels.valid_from, levels.employed_from)
      and days.day <= least(levels.valid_to, levels.employed_until)

),

days_absent as (

  select distinct
    absences.manager_id,
    days.day
  from absences
  inner join days
    on
      absences.from_day <= days.day
      and absences.to_day >= days.day

),

final as (

  select
    considered.*,
    days_absent.day is not null as is_absent,
    considered.is_working_day and days_absent.day is null as is_available,
    count(*) filter (where considered.is_working_day and days_absent.day is null) over person_period as days_available
  from considered
  left join days_absent
    on considered.manager_id = days_absent.manager_id and considered.day = days_absent.day
  window person_period as (
    partition by
      considered.metric_code,
      considered.manager_id,
      considered.target_id,
      considered.period_start,
      considered.choice = 1
  )

)

select * from final
