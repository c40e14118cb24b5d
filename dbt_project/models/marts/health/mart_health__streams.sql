with runs as (

  select * from {{ ref('stg_bitrix24__extract_runs') }}

),

stream_rows as (

  select * from {{ ref('mart_health__stream_rows') }}

),

streams as (

  {% for stream, about in streams_of_portal().items() -%}
    select
      '{{ stream }}' as stream,
      '{{ about.label }}' as stream_label,
      '{{ about.without }}' as without,
      '{{ dashboards_named(about.on) }}' as dashboards,
      {{ loop.index }} as stream_sort
    {{ 'union all' if not loop.last }}
  {% endfor %}

),

-- a stream untouched for a week has been switched off, however its last run ended; its sweeps are runs of their own
numbered as (

  select
    *,
    row_number() over (
      partition by stream, coalesce(mode = 'sweep', false)
      order by started_at desc
    ) as attempt,
    row_number() over (
      partition by stream, coalesce(mode = 'sweep', false), status
      order by started_at desc
    ) as attempt_of_status,
    started_at > max(started_at) over () - interval '7 days' as is_in_use
  from runs

),

loads as (

  select * from numbered
  where mode is distinct from 'sweep'

),

latest as (

  select * from loads
  where attempt = 1

),

good as (

  select * from loads
  where status = 'ok' and attempt_of_status = 1

),

sweeps as (

  select * from numbered
  where mode = 'sweep' and attempt = 1

),

-- A stream that the tap has learnt since has no words here yet, and is told by its name.
judged as (

  select
    latest.stream,
    coalesce(streams.stream_label, latest.stream) as stream_label,
    coalesce(streams.stream_sort, 99) as stream_sort,
    coalesce(streams.without, 'Часть данных не обновляется') as without,
    coalesce(streams.dashboards, '—') as dashboards,
    good.finished_at as loaded_at,
    good.rows_loaded,
    good.seconds,
    latest.finished_at as last_attempt_at,
    stream_rows.warehouse_rows,
    stream_rows.portal_rows,
    stream_rows.difference,
    stream_rows.counted_at,
    coalesce(latest.error, sweeps.error) as error,
    case
      when not latest.is_in_use then 'off'
      when latest.status = 'failed' then 'failed'
      when latest.status = 'skipped' then 'skipped'
      when abs(stream_rows.difference) > greatest(10, stream_rows.portal_rows / 1000) then 'different'
      when sweeps.status = 'failed' and sweeps.is_in_use then 'not swept'
      else 'good'
    end as verdict
  from latest
  left join streams on latest.stream = streams.stream
  left join good on latest.stream = good.stream
  left join sweeps on latest.stream = sweeps.stream
  left join stream_rows on latest.stream = stream_rows.stream

),

final as (

  select
    stream,
    stream_label,
    stream_sort,
    case verdict
      when 'good' then 'загружено'
      when 'failed' then 'ошибка загрузки'
      when 'different' then 'расходится с порталом'
      when 'not swept' then 'удалённые не сверены'
      when 'skipped' then 'нет в портале'
      else 'не загружается'
    end as status,
    verdict in ('failed', 'different', 'not swept') as is_problem,
    {{ local_time('loaded_at') }} as loaded_local,
    {{ local_time('last_attempt_at') }} as last_attempt_local,
    rows_loaded,
    seconds,
    warehouse_rows,
    portal_rows,
    difference,
    {{ local_time('counted_at') }} as counted_local,
    case
      when verdict in ('failed', 'skipped', 'not swept') then {{ load_error_ru('error') }}
      when verdict = 'different' and difference > 0
        then 'В портале на ' || {{ number_ru('difference') }} || ' больше: часть карточек скрыта от вебхука или удалена'
      when verdict = 'different'
        then 'В хранилище на ' || {{ number_ru('abs(difference)') }} || ' больше: удалённые в портале ещё не отмечены'
      else '—'
    end as error,
    case verdict
      when 'good' then 'Данные полные.'
      when 'failed' then without || ', пока загрузка не пройдёт.'
      when 'different' then 'Показатели могут немного расходиться с порталом.'
      when 'not swept' then 'Карточки, удалённые в портале, ещё учитываются.'
      when 'skipped' then 'Такого раздела в портале нет, показатели по нему не считаются.'
      else without || ': раздел больше не загружается.'
    end as meaning,
    case when verdict = 'good' or verdict = 'skipped' then '—' else dashboards end as dashboards,
    case
      when verdict = 'good' or verdict = 'skipped' then '—'
      else 'Администратор'
    end as cured_by,
    case
      when verdict = 'failed' then 'Устраните причину, следующая загрузка догонит пропущенное сама.'
      when verdict = 'different' and difference > 0
        then 'Проверьте, что вебхук создал администратор портала, иначе часть карточек ему не видна.'
      when verdict = 'different'
        then 'Дождитесь ночной сверки, она отметит удалённые. Если разница останется, смотрите журнал.'
      when verdict = 'not swept' then 'Устраните причину, сверка повторится следующей ночью.'
      when verdict = 'off' then 'Если раздел нужен, включите его загрузку снова.'
      else '—'
    end as cure
  from judged

)

select * from final
