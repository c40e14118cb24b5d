{#- A day has about a hundred of them: two weeks are what can be looked through. -#}
{%- set days_shown = 14 -%}
with runs as (

  select * from {{ ref('stg_bitrix24__extract_runs') }}
  where started_at > {{ query_now() }} - interval '{{ days_shown }} days'

),

refreshes as (

  select
    run_id,
    min(started_at) as started_at,
    max(finished_at) as finished_at,
    bool_or(mode is distinct from 'sweep') as has_loads,
    bool_or(coalesce(mode = 'sweep', false)) as has_sweeps,
    count(*) filter (where mode is distinct from 'sweep' and status = 'ok') as streams_loaded,
    count(*) filter (where status = 'failed') as streams_failed,
    coalesce(sum(rows_loaded) filter (where mode is distinct from 'sweep'), 0) as rows_loaded,
    coalesce(sum(cards_vanished), 0) as cards_vanished,
    coalesce(sum(requests), 0) as requests,
    string_agg(case when status = 'failed' then {{ stream_label('stream') }} end, ', ' order by stream)
      as streams_failed_labels
  from runs
  group by run_id

),

-- A night's sweep reads every id of the portal, and is measured against nights.
told as (

  select
    *,
    extract(epoch from finished_at - started_at) / 60 as minutes,
    case
      when has_loads and has_sweeps then 'Загрузка и сверка'
      when has_loads then 'Загрузка'
      else 'Сверка'
    end as kind
  from refreshes

),

-- of its kind, where it had one without failures
usual as (

  select
    kind,
    percentile_cont(0.5) within group (order by minutes) as usual_minutes
  from told
  where streams_failed = 0
  group by kind

),

final as (

  select
    told.run_id,
    told.kind,
    {{ local_time('told.started_at') }} as started_local,
    {{ local_time('told.finished_at') }} as finished_local,
    {{ local_date('told.started_at') }} as day,
    trim_scale(round(cast(told.minutes as numeric), 2)) as minutes,
    trim_scale(round(cast(usual.usual_minutes as numeric), 2)) as usual_minutes,
    told.streams_loaded,
    told.streams_failed,
    coalesce(told.streams_failed_labels, '—') as streams_failed_labels,
    cast(told.rows_loaded as bigint) as rows_loaded,
    cast(told.cards_vanished as bigint) as cards_vanished,
    cast(told.requests as bigint) as requests,
    case when told.streams_failed > 0 then 'с ошибкой' else 'без ошибок' end as status,
    told.streams_failed > 0 as is_problem,
    told.has_loads and told.started_at = max(told.started_at) over (partition by told.has_loads) as is_latest
  from told
  left join usual on told.kind = usual.kind

)

select * from final
