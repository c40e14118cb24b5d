{#-
  How a target becomes a plan of a person and a day:
  1. On each day the nearest target counts: one's own, that of the nearest department above, that of the company
     (int_targets__candidates).
  2. A target's value spreads evenly over the working days of its period (day, week, month): the daily value.
  3. A daily value is shared evenly by the employees it counts for. What nearer targets already give to employees of the
     scope is taken off first, so that the scope as a whole has its target (int_targets__shares).
  4. What a person would have had on days of absence goes to their other days of the period.
-#}
{{
  config(
    pre_hook="set local work_mem = '256MB'",
    indexes=[{'columns': ['metric_code', 'manager_id', 'day'], 'unique': true}, {'columns': ['day']}]
  )
}}

with candidates as (

  select * from {{ ref('int_targets__candidates') }}
  where choice = 1 and is_counting

),

shares as (

  select * from {{ ref('int_targets__shares') }}

),

carried as (

  select
    candidates.*,
    case
      when candidates.is_ratio or candidates.days_available = 0 then 0
      when candidates.is_own then candidates.daily_value
      else shares.amount
    end as amount
  from candidates
  left join shares
    on candidates.target_id = shares.target_id and candidates.day = shares.day

),

spread as (

  select
    *,
    sum(amount) over person_period as period_amount,
    sum(amount) filter (where is_available) over person_period as available_amount
  from carried
  window person_period as (partition by metric_code, manager_id, target_id, period_start)

),

final as (

  select
    metric_code,
    manager_id,
    day,
    target_id,
    is_ratio,
    is_working_day,
    is_absent,
    is_available,
    case
      when is_ratio then value
      when not is_available then 0
      when available_amount = period_amount then amount
      when available_amount > 0 then trim_scale(amount * period_amount / available_amount)
      else trim_scale(period_amount / days_available)
    end as plan
  from spread

)

select * from final
