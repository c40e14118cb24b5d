{#- As many days as mart_health__refreshes shows. -#}
{%- set days_shown = 14 -%}
with runs as (

  select * from {{ ref('stg_bitrix24__extract_runs') }}
  where
    mode is distinct from 'sweep'
    and started_at > {{ query_now() }} - interval '{{ days_shown }} days'

),

streams as (

  {% for stream, about in streams_of_portal().items() -%}
    select
      '{{ stream }}' as stream,
      '{{ about.label }}' as stream_label,
      {{ loop.index }} as stream_sort
    {{ 'union all' if not loop.last }}
  {% endfor %}

),

final as (

  select
    runs.stream,
    coalesce(streams.stream_label, runs.stream) as stream_label,
    coalesce(streams.stream_sort, 99) as stream_sort,
    {{ local_date('runs.started_at') }} as day,
    count(*) as loads,
    count(*) filter (where runs.status = 'failed') as loads_failed,
    cast(coalesce(sum(runs.rows_loaded), 0) as bigint) as rows_loaded,
    coalesce(sum(runs.seconds), 0) as seconds_sum,
    coalesce(max(runs.seconds), 0) as seconds_max
  from runs
  left join streams on runs.stream = streams.stream
  group by runs.stream, streams.stream_label, streams.stream_sort, {{ local_date('runs.started_at') }}

)

select * from final
