with events as (

  select * from {{ ref('fct_metric_events') }}

),

final as (

  select
    metric_code,
    event_date,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    sum(amount) as value
  from events
  group by metric_code, event_date, manager_id, manager, department, pipeline, channel

)

select * from final
order by event_date
