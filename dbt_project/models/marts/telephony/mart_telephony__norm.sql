with daily as (

  select * from {{ ref('mart_plan_fact__daily') }}
  where metric_code = '{{ var("call_norm_metric") }}' and not is_future

),

periods as (

  select * from {{ ref('dim_periods') }}

),

final as (

  select
    {{ period_columns() }},
    daily.manager_id,
    daily.manager,
    daily.department,
    daily.pipeline,
    daily.channel,
    daily.metric_code,
    daily.metric,
    daily.day,
    daily.is_working_day,
    daily.is_absent,
    daily.plan,
    daily.fact,
    daily.deviation,
    daily.is_unmet
  from daily
  inner join periods
    on
      daily.day >= periods.period_start
      and daily.day < periods.period_end

)

select * from final
