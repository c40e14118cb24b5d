{{ config(pre_hook="set local work_mem = '256MB'") }}

with plans as (

  select * from {{ ref('int_targets__manager_days') }}

),

daily as (

  select * from {{ ref('mart_kpi__daily') }}

),

metrics as (

  select * from {{ ref('dim_metrics') }}

),

calendar as (

  select * from {{ ref('dim_calendar') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

planned_metrics as (

  select distinct metric_code
  from plans

),

-- Metrics with a target for anybody, the top ones of dashboard 1, and the norm of dashboard 2.
shown as (

  select metrics.*
  from metrics
  left join planned_metrics on metrics.metric_code = planned_metrics.metric_code
  where
    planned_metrics.metric_code is not null
    or metrics.on_dashboard_1
    or metrics.metric_code = '{{ var("call_norm_metric") }}'

),

-- Which event metrics stand above and below the line: of an event metric itself above.
parts as (

  {{ metric_parts('shown') }}

),

facts as (

  select
    parts.metric_code,
    daily.manager_id,
    daily.event_date as day,
    sum(daily.value * parts.in_numerator) as fact,
    sum(daily.value * parts.in_denominator) as fact_divisor
  from daily
  inner join parts on daily.metric_code = parts.part_code
  group by parts.metric_code, daily.manager_id, daily.event_date

),

joined as (

  select
    coalesce(plans.metric_code, facts.metric_code) as metric_code,
    coalesce(plans.manager_id, facts.manager_id) as manager_id,
    coalesce(plans.day, facts.day) as day,
    coalesce(plans.is_absent, false) as is_absent,
    coalesce(plans.is_available, false) as is_available,
    plans.plan,
    coalesce(facts.fact, 0) as fact,
    coalesce(facts.fact_divisor, 0) as fact_divisor
  from plans
  full outer join facts
    on
      plans.metric_code = facts.metric_code
      and plans.manager_id = facts.manager_id
      and plans.day = facts.day

),

judged as (

  select
    joined.*,
    shown.metric,
    shown.sort as metric_sort,
    shown.unit,
    shown.direction,
    shown.kind = 'ratio' as is_ratio,
    joined.day > {{ as_of_date() }} as is_future,
    case
      when shown.kind <> 'ratio' then joined.fact
      when joined.fact_divisor <> 0 then joined.fact / joined.fact_divisor
    end as value
  from joined
  inner join shown on joined.metric_code = shown.metric_code

),

final as (

  select
    judged.metric_code,
    judged.metric,
    judged.metric_sort,
    judged.unit,
    judged.direction,
    judged.is_ratio,
    judged.day,
    calendar.is_working_day,
    judged.is_absent,
    judged.is_available and (judged.is_future or calendar.working_until > {{ as_of() }}) as is_remaining,
    judged.is_future,
    judged.manager_id,
    managers.manager,
    managers.department,
    '—' as pipeline,
    '—' as channel,
    judged.plan,
    judged.fact,
    case when judged.is_ratio then judged.fact_divisor end as fact_divisor,
    -- What other days left to this one may be a whole but for its last digits.
    case when not judged.is_future then trim_scale(round(judged.value - judged.plan, 6)) end as deviation,
    -- money is judged by the month to date only
    coalesce(
      not judged.is_future
      and judged.unit <> 'money'
      and case judged.direction
        when 'less' then round(judged.value - judged.plan, 6) > 0
        else round(judged.value - judged.plan, 6) < 0
      end,
      false
    ) as is_unmet
  from judged
  inner join calendar on judged.day = calendar.day
  inner join managers on judged.manager_id = managers.manager_id

)

select * from final
order by day
