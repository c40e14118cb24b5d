with problems as (

  select * from {{ ref('int_inputs__problems') }}

),

uploads as (

  select * from {{ ref('int_inputs__uploads') }}

),

counting as (

  select * from uploads
  where is_counting

),

-- the headings that people know the columns by
columns_known as (

  {% for input, table in uploaded_inputs().items() -%}
    {%- set last_table = loop.last -%}
    {%- for column, about in table.columns.items() %}
      select
        '{{ input }}' as input,
        '{{ column }}' as problem_column,
        '{{ about.headings[0] | capitalize }}' as column_label
      {% if not (last_table and loop.last) -%} union all {%- endif %}
    {%- endfor %}
  {%- endfor %}

),

final as (

  select
    problems.input,
    {{ input_label('problems.input') }} as input_label,
    problems.file_name,
    case
      when problems.upload_version is null then 'Файл ' || problems.file_name
      else 'Загрузка к ' || to_char({{ local_time('uploads.seen_at') }}, 'DD.MM.YYYY HH24:MI')
    end as place,
    {{ local_time('uploads.seen_at') }} as uploaded_local,
    problems.line_number,
    coalesce(columns_known.column_label, problems.problem_column) as column_label,
    upper(left(problems.problem_ru, 1)) || substring(problems.problem_ru from 2) as problem,
    case
      when problems.upload_version is null then 'Пока файл не исправлен, показатели не обновляются.'
      when uploads.is_counting then 'Строка не учитывается, остальные строки считаются.'
      when counting.version is not null
        then
          'Считается прежняя таблица, от '
          || to_char({{ local_time('coalesce(counting.accepted_at, counting.seen_at)') }}, 'DD.MM.YYYY HH24:MI') || '.'
      else 'Считается файл проекта.'
    end as consequence,
    case
      when problems.upload_version is null then 'Администратор: исправьте файл.'
      else 'Кто загружал: исправьте строку и загрузите таблицу снова.'
    end as cure
  from problems
  left join uploads on problems.input = uploads.input and problems.upload_version = uploads.version
  left join counting on problems.input = counting.input
  left join columns_known
    on problems.input = columns_known.input and problems.problem_column = columns_known.problem_column

)

select * from final
