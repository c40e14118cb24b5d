{%- set labels = input_labels() -%}
with targets as (

  select * from {{ ref('int_targets__lines') }}

),

spend as (

  select * from {{ ref('int_kpi__spend_lines') }}

),

absences as (

  select * from {{ ref('int_targets__absences') }}

),

channel_groups as (

  select * from {{ ref('int_inputs__channel_groups') }}

),

production_calendar as (

  select * from {{ ref('int_inputs__production_calendar') }}

),

user_fields as (

  select * from {{ ref('int_inputs__user_fields') }}

),

people as (

  select * from {{ ref('int_access__entered') }}
  where file_name = 'seeds/people.csv'

),

uploads as (

  select * from {{ ref('int_inputs__uploads') }}

),

problems as (

  select * from {{ ref('int_inputs__problems') }}

),

inputs as (

  {% for input, label in labels.items() -%}
    select
      '{{ input }}' as input,
      '{{ label }}' as input_label,
      {{ loop.index }} as input_sort
    {% if not loop.last %}union all{% endif %}
  {% endfor %}

),

files as (

  select
    'targets' as input,
    count(*) as lines_count
  from targets
  where upload_version is null
  union all
  select
    'ad_spend' as input,
    count(*) as lines_count
  from spend
  where upload_version is null
  {%- for input in ['absences', 'channel_groups', 'production_calendar', 'user_fields', 'people'] %}
    union all
    select
      '{{ input }}' as input,
      count(*) as lines_count
    from {{ input }}
  {%- endfor %}

),

problem_counts as (

  select
    input,
    coalesce(upload_version, 0) as version,
    count(*) as problems_count
  from problems
  group by input, coalesce(upload_version, 0)

),

counting as (

  select * from uploads
  where is_counting

),

newest as (

  select * from uploads
  where is_newest

),

states as (

  select
    inputs.input,
    inputs.input_label,
    inputs.input_sort,
    counting.version is not null as is_upload,
    coalesce(counting.accepted_at, counting.seen_at) as counted_since,
    coalesce(counting.lines_count, files.lines_count) as lines_count,
    newest.seen_at as last_upload_at,
    coalesce(newest.version <> counting.version, newest.version is not null) as is_newest_refused,
    coalesce(newest_problems.problems_count, 0) as upload_problems_count,
    coalesce(counting_problems.problems_count, 0) as counting_problems_count
  from inputs
  left join files on inputs.input = files.input
  left join counting on inputs.input = counting.input
  left join newest on inputs.input = newest.input
  left join problem_counts as newest_problems
    on newest.input = newest_problems.input and newest.version = newest_problems.version
  left join problem_counts as counting_problems
    on
      inputs.input = counting_problems.input
      and coalesce(counting.version, 0) = counting_problems.version

),

judged as (

  select
    *,
    to_char({{ local_time('counted_since') }}, 'DD.MM.YYYY HH24:MI') as counted_since_text,
    to_char({{ local_time('last_upload_at') }}, 'DD.MM.YYYY HH24:MI') as last_upload_text,
    case
      when is_newest_refused then 'refused'
      when counting_problems_count > 0 then 'wrong'
      when lines_count = 0 then 'empty'
      else 'good'
    end as verdict
  from states

),

final as (

  select
    input,
    input_label,
    input_sort,
    case
      when is_upload then 'Загрузка'
      when lines_count > 0 then 'Файл проекта'
      else 'Не заполнено'
    end as source_label,
    {{ local_time('counted_since') }} as counted_since_local,
    {{ local_time('last_upload_at') }} as last_upload_local,
    lines_count,
    counting_problems_count + case when is_newest_refused then upload_problems_count else 0 end as problems_count,
    case verdict
      when 'refused' then 'загрузка не принята'
      when 'wrong' then 'есть ошибки'
      when 'empty' then 'не заполнено'
      else 'в порядке'
    end as status,
    verdict in ('refused', 'wrong') as is_problem,
    case
      when verdict = 'refused' and is_upload
        then
          'Таблица, загруженная к ' || last_upload_text || ', не принята: в ней есть ошибки. Считается прежняя, от '
          || counted_since_text || '.'
      when verdict = 'refused'
        then
          'Таблица, загруженная к ' || last_upload_text
          || ', не принята: в ней есть ошибки. Считается файл проекта.'
      when verdict = 'wrong' then 'Строки с ошибками не учитываются, остальные считаются.'
      when verdict = 'empty' and input = 'targets' then 'Планов нет: в отчётах «нет плана».'
      when verdict = 'empty' and input = 'ad_spend' then 'Расходов нет: стоимость лида и ROMI не считаются.'
      when verdict = 'empty' and input = 'absences' then 'Отсутствий нет: план делится на все рабочие дни.'
      when verdict = 'empty' and input = 'people' then 'Ролей нет: доступ определяют отделы Битрикс24.'
      when verdict = 'empty' then 'Ничего не указано: считается, как в Битрикс24.'
      when is_upload then 'Считается таблица, загруженная к ' || counted_since_text || '.'
      else 'Считается файл проекта.'
    end as message,
    case
      when verdict = 'refused' then 'Кто загружал: исправьте строки из списка ошибок и загрузите таблицу снова.'
      when verdict = 'wrong' and is_upload then 'Руководитель продаж: загрузите исправленную таблицу.'
      when verdict = 'wrong' then 'Администратор: исправьте файл.'
      else '—'
    end as cure
  from judged

)

select * from final
