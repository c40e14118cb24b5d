{%- set streams = streams_of_portal() -%}
with runs as (

  select * from {{ ref('stg_bitrix24__extract_runs') }}
  where status = 'ok'

),

{% for stream in counted_streams() -%}
  {{ stream }} as (

    select * from {{ ref('stg_bitrix24__' ~ stream) }}

  ),

{% endfor -%}

-- The portal's own count of all rows of a stream: the ids that the last sweep found, else the count beside a load of
-- everything. Windows are counted too, but a window is not the whole.
counts as (

  select
    stream,
    case when mode = 'sweep' then rows_loaded else portal_total end as portal_rows,
    case when mode = 'sweep' then coalesce(window_from, started_at) else started_at end as counted_at,
    row_number() over (
      partition by stream
      order by case when mode = 'sweep' then 0 else 1 end, started_at desc
    ) as choice
  from runs
  where mode = 'sweep' or (window_from is null and portal_total is not null)

),

newest_counts as (

  select * from counts
  where choice = 1 and counted_at < {{ as_of() }}

),

-- Rows born after that count are in the warehouse and not in it.
rows_counted as (

  {% for stream in counted_streams() -%}
    {%- set born = streams[stream].get('born') -%}
    select
      '{{ stream }}' as stream,
      count(*) as warehouse_rows,
      {% if born -%}
        count(*) filter (
          where {{ stream }}.{{ born }} < (
            select newest_counts.counted_at from newest_counts
            where newest_counts.stream = '{{ stream }}'
          )
        )
      {%- else -%}
        count(*)
      {%- endif %} as comparable_rows
    from {{ stream }}
    {{ 'union all' if not loop.last }}
  {% endfor %}

),

final as (

  select
    rows_counted.stream,
    rows_counted.warehouse_rows,
    newest_counts.portal_rows,
    case when newest_counts.portal_rows is not null then rows_counted.comparable_rows end as comparable_rows,
    newest_counts.counted_at
  from rows_counted
  left join newest_counts on rows_counted.stream = newest_counts.stream

)

select * from final
