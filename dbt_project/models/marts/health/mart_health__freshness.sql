with build as (

  select * from {{ ref('mart_health__build') }}

),

nightly_build as (

  select * from {{ ref('mart_health__nightly_build') }}

),

runs as (

  select * from {{ ref('stg_bitrix24__extract_runs') }}

),

calendar as (

  select * from {{ ref('dim_calendar') }}

),

-- a stream untouched for a week has been switched off, however its last run ended; its sweeps are runs of their own
numbered as (

  select
    *,
    {{ stream_label('stream') }} as stream_label,
    coalesce(mode = 'sweep', false) as is_sweep,
    row_number() over (
      partition by stream, coalesce(mode = 'sweep', false)
      order by started_at desc
    ) as attempt,
    started_at > max(started_at) over () - interval '7 days' as is_in_use
  from runs

),

failures as (

  select
    count(*) filter (where not is_sweep) as streams_failed,
    min(stream_label) filter (where not is_sweep) as stream_label,
    max(finished_at) filter (where not is_sweep) as failed_at,
    count(*) filter (where is_sweep) as sweeps_failed,
    string_agg(stream_label, ', ' order by stream_label) filter (where is_sweep) as sweep_streams,
    max(finished_at) filter (where is_sweep) as sweep_failed_at
  from numbered
  where attempt = 1 and status = 'failed' and is_in_use

),

loads as (

  select max(finished_at) as loaded_at
  from numbered
  where status = 'ok' and not is_sweep

),

-- one row even before the first build
moments as (

  select
    max(data_as_of) as data_as_of,
    max(built_at) as built_at,
    {{ query_now() }} as now_at
  from build

),

-- what the night computes is older than the numbers of the day
nights as (

  select max(data_as_of) as computed_at
  from nightly_build

),

-- working time since the data were loaded
waiting as (

  select
    {{ working_seconds_between('day_of_data', 'moments.data_as_of', 'today', 'moments.now_at') }} as working_seconds
  from moments
  left join calendar as day_of_data on {{ local_date('moments.data_as_of') }} = day_of_data.day
  left join calendar as today on {{ local_date('moments.now_at') }} = today.day

),

judged as (

  select
    moments.data_as_of,
    case
      when nights.computed_at < moments.data_as_of
        then
          ' Клиентская база, воронка и нормы рассчитаны ночью, на '
          || to_char({{ local_time('nights.computed_at') }}, 'DD.MM.YYYY HH24:MI') || '.'
      else ''
    end as night_note,
    'Данные на ' || to_char({{ local_time('moments.data_as_of') }}, 'DD.MM.YYYY HH24:MI') as stamp,
    failures.stream_label,
    failures.sweep_streams,
    to_char({{ local_time('failures.sweep_failed_at') }}, 'DD.MM.YYYY HH24:MI') as sweep_failed_at,
    to_char({{ local_time('failures.failed_at') }}, 'DD.MM.YYYY HH24:MI') as failed_at,
    to_char({{ local_time('loads.loaded_at') }}, 'DD.MM.YYYY HH24:MI') as loaded_at,
    case
      when moments.data_as_of is null then 'empty'
      when failures.streams_failed > 0 then 'load failed'
      -- loaded long ago, and still what is shown was built before: the build or its tests failed
      when
        loads.loaded_at > moments.built_at
        and loads.loaded_at < moments.now_at - interval '30 minutes' then 'build failed'
      when
        waiting.working_seconds > 3600
        or moments.now_at > moments.data_as_of + interval '7 days' then 'old'
      when failures.sweeps_failed > 0 then 'sweep failed'
      else 'fresh'
    end as verdict
  from moments
  cross join failures
  cross join loads
  cross join waiting
  cross join nights

),

final as (

  select
    data_as_of,
    coalesce(stamp, 'Данных ещё нет') as data_as_of_label,
    case verdict
      when 'fresh' then 'свежие'
      -- nothing shown is late; what was deleted in the portal may still count
      when 'sweep failed' then 'свежие'
      when 'old' then 'устарели'
      else 'ошибка обновления'
    end as status,
    case verdict
      when 'fresh' then 'Последнее обновление прошло без ошибок.'
      when 'sweep failed'
        then
          'Последнее обновление прошло без ошибок, но сверка удалённых карточек ' || sweep_failed_at
          || ' не прошла (' || sweep_streams
          || '): удалённые с тех пор карточки ещё учитываются. Сообщите администратору.'
      when 'old' then 'Данные старше часа рабочего времени: проверьте, что обновление запущено.'
      when 'load failed'
        then
          'Загрузка из Битрикс24 ' || failed_at || ' не удалась (' || stream_label
          || '). Показаны прежние данные, сообщите администратору.'
      when 'build failed'
        then
          'Данные загружены ' || loaded_at
          || ', но расчёт не прошёл проверку. Показаны прежние данные, сообщите администратору.'
      else 'Ни одно обновление ещё не завершилось.'
    end || night_note as message
  from judged

)

select * from final
