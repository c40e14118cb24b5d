{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['metric_code', 'event_date', 'manager_id', 'pipeline_id', 'channel'], 'unique': true}],
    meta={
      'key': ['metric_code', 'event_date', 'manager_id', 'pipeline_id', 'channel'],
      'logs': [],
      'scope': 'affected',
      'follows': ['fct_metric_events']
    }
  )
}}
{%- set affected -%}
  select metric_code, event_date, manager_id, pipeline_id, channel from {{ changed_in('fct_metric_events') }}
{%- endset -%}
{{ gather_affected(affected) }}
with added as (
  {% if is_kept_up() %}
    select
      metric_code,
      event_date,
      manager_id,
      pipeline_id,
      channel,
      rows_more,
      amount_more
    from {{ changed_in('fct_metric_events') }}

    union all

    select
      metric_code,
      event_date,
      manager_id,
      pipeline_id,
      channel,
      events as rows_more,
      amount as amount_more
    from {{ this }}
    {{ affected_only(['metric_code', 'event_date', 'manager_id', 'pipeline_id', 'channel']) }}
  {% else %}
    select
      metric_code,
      event_date,
      manager_id,
      pipeline_id,
      channel,
      1 as rows_more,
      amount as amount_more
    from {{ ref('fct_metric_events') }}
  {% endif %}
),

final as (

  select
    metric_code,
    event_date,
    manager_id,
    pipeline_id,
    channel,
    cast(sum(rows_more) as bigint) as events,
    sum(amount_more) as amount
  from added
  group by metric_code, event_date, manager_id, pipeline_id, channel
  having sum(rows_more) <> 0

)

select * from final
