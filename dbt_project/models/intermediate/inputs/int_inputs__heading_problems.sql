with lines as (

  select * from {{ ref('stg_inputs__upload_lines') }}

),

known as (

  {% for input, table in uploaded_inputs().items() -%}
    {%- set last_table = loop.last -%}
    {%- for column, about in table.columns.items() -%}
      {%- set last_column = loop.last -%}
      {%- for heading in headings_of(input, column) %}
        select
          '{{ input }}' as input,
          '{{ column }}' as column_name,
          '{{ about.headings[0] }}' as column_ru,
          '{{ heading }}' as heading,
          {{ about.required | lower }} as is_required
        {% if not (last_table and last_column and loop.last) -%} union all {%- endif %}
      {%- endfor %}
    {%- endfor %}
  {%- endfor %}

),

-- Superset may add a column that numbers the rows, and a column of remarks is nobody's business.
headings as (

  select
    lines.input,
    lines.version,
    cells.key as written,
    {{ heading('cells.key') }} as heading
  from lines
  cross join lateral jsonb_each_text(lines.line) as cells
  where
    lines.line_number = 1
    and {{ heading('cells.key') }} !~ '^(index|unnamed: ?\d+|комментарий|примечание|comment)$'

),

matched as (

  select
    headings.input,
    headings.version,
    headings.written,
    known.column_name
  from headings
  left join known on headings.input = known.input and headings.heading = known.heading

),

versions as (

  select
    input,
    version,
    count(*) filter (where line_number > 1 and not ({{ line_is_blank() }})) as lines_count
  from lines
  group by input, version

),

columns_wanted as (

  select distinct
    input,
    column_name,
    column_ru,
    is_required
  from known

),

counted as (

  select
    versions.input,
    versions.version,
    columns_wanted.column_name,
    columns_wanted.column_ru,
    columns_wanted.is_required,
    count(matched.written) as headings_count
  from versions
  inner join columns_wanted on versions.input = columns_wanted.input
  left join matched
    on
      versions.input = matched.input
      and versions.version = matched.version
      and columns_wanted.column_name = matched.column_name
  group by
    versions.input, versions.version, columns_wanted.column_name, columns_wanted.column_ru, columns_wanted.is_required

),

final as (

  select
    input,
    version,
    written as problem_column,
    'there is no column "' || written || '": correct the heading, or take the column out' as problem,
    'непонятный столбец «' || written || '»: исправьте заголовок, как в шаблоне, или уберите столбец' as problem_ru
  from matched
  where column_name is null
  union all
  select
    input,
    version,
    column_name as problem_column,
    'the column ' || column_name || ' is missing: add it' as problem,
    'нет столбца «' || column_ru || '»: добавьте его, как в шаблоне' as problem_ru
  from counted
  where is_required and headings_count = 0
  union all
  select
    input,
    version,
    column_name as problem_column,
    'the column ' || column_name || ' stands there twice: leave one' as problem,
    'столбец «' || column_ru || '» есть дважды: оставьте один' as problem_ru
  from counted
  where headings_count > 1
  union all
  select
    input,
    version,
    '—' as problem_column,
    'the table has no lines, or more than ten thousand: fill it in' as problem,
    'в таблице нет ни одной строки или их больше десяти тысяч: заполните её' as problem_ru
  from versions
  where lines_count = 0

)

select * from final
