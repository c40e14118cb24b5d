{#- Tables that people upload through Superset into the schema uploads (docs/ru/inputs.md), and how any table that
    people fill in is read: by headings in English or Russian, as text, whatever types a spreadsheet made of it. -#}

{% macro uploaded_inputs() %}
  {#- What may be uploaded, by the name of the table; the same names as the seeds. Of each column the headings it is known
      by, in lower case with single spaces, and whether a table must have it. The first Russian one stands in the
      templates and in what is said about a line. -#}
  {{ return({
    'targets': {
      'label': 'Планы',
      'columns': {
        'metric_code': {'headings': ['показатель', 'код показателя', 'метрика'], 'required': true},
        'scope': {'headings': ['для кого', 'уровень'], 'required': true},
        'name': {'headings': ['название', 'имя', 'отдел или сотрудник'], 'required': false},
        'period': {'headings': ['период'], 'required': true},
        'valid_from': {'headings': ['действует с', 'с', 'начало'], 'required': true},
        'valid_to': {'headings': ['действует по', 'по', 'конец'], 'required': false},
        'value': {'headings': ['значение', 'план'], 'required': true},
        'per_person': {'headings': ['на каждого'], 'required': false},
      },
    },
    'ad_spend': {
      'label': 'Расходы на рекламу',
      'columns': {
        'channel': {'headings': ['канал'], 'required': true},
        'from_month': {'headings': ['с месяца', 'месяц', 'начало'], 'required': true},
        'to_month': {'headings': ['по месяц', 'конец'], 'required': false},
        'amount_per_month': {'headings': ['сумма в месяц', 'сумма', 'расход'], 'required': true},
      },
    },
  }) }}
{% endmacro %}


{% macro input_labels() -%}
  {#- What people call everything that they fill in, in the order of mart_health__inputs. -#}
  {{ return({
    'targets': uploaded_inputs()['targets'].label,
    'ad_spend': uploaded_inputs()['ad_spend'].label,
    'absences': 'Отсутствия сотрудников',
    'production_calendar': 'Производственный календарь',
    'channel_groups': 'Группы каналов',
    'user_fields': 'Пользовательские поля',
    'people': 'Роли людей на дашбордах',
  }) }}
{%- endmacro %}


{% macro input_label(input) -%}
  case {{ input }}
    {%- for name, label in input_labels().items() %}
    when '{{ name }}' then '{{ label }}'
    {%- endfor %}
  end
{%- endmacro %}


{% macro heading(text) -%}
  {#- SQL of a heading as it is compared. -#}
  replace(lower(btrim(regexp_replace({{ text }}, '[\s_]+', ' ', 'g'))), 'ё', 'е')
{%- endmacro %}


{% macro headings_of(input, column) -%}
  {#- Every heading a column is known by, as heading() makes them. -#}
  {{ return([column | replace('_', ' ')] + uploaded_inputs()[input]['columns'][column]['headings']) }}
{%- endmacro %}


{% macro line_text(input, column) -%}
  {#- SQL of what a line (the JSON object `line`) has in a column; null where nothing. -#}
  (
      select nullif(btrim(cells.value), '')
      from jsonb_each_text(line) as cells
      where {{ heading('cells.key') }} in ({{ quoted_list(headings_of(input, column)) }})
      order by cells.key
      limit 1
    )
{%- endmacro %}


{% macro line_is_blank() -%}
  {#- SQL condition that a line has nothing in any column: spreadsheets come with empty rows below the last. -#}
  not exists (select 1 from jsonb_each_text(line) as cells where btrim(cells.value) <> '')
{%- endmacro %}


{% macro word_of(text, words) -%}
  {#- SQL of the English word that a Russian or English one stands for; what is neither stays, to be told. -#}
  case
    {%- for english, russian in words.items() %}
    when lower({{ text }}) in ({{ quoted_list([english] + russian) }}) then '{{ english }}'
    {%- endfor %}
    else lower({{ text }})
  end
{%- endmacro %}


{% macro problem_columns(problems) -%}
  {#- Three columns that say what is wrong with a line: the column it is in, the problem and its cure in English (for the
      log of dbt) and in Russian (for the dashboard); null for a good line. `problems`: in order, when (SQL condition),
      column, english and russian (SQL of texts). -#}
  case
    {%- for problem in problems %}
    when {{ problem.when }} then '{{ problem.column }}'
    {%- endfor %}
    end as problem_column,
    case
    {%- for problem in problems %}
    when {{ problem.when }} then {{ problem.english }}
    {%- endfor %}
    end as problem,
    case
    {%- for problem in problems %}
    when {{ problem.when }} then {{ problem.russian }}
    {%- endfor %}
    end as problem_ru
{%- endmacro %}


{% macro is_live_build() -%}
  {#- Whether this run works on the live schemas: one aside, or as of a date, leaves no trace there. -#}
  {{ return(
    execute and flags.WHICH in ('build', 'run', 'test', 'retry') and not flags.EMPTY and not (schema_suffix() | trim)
  ) }}
{%- endmacro %}


{% macro keep_uploads() %}
  {#-
    on-run-start: what stands in the schema uploads is copied into raw_inputs.uploads, every version once and never
    changed, as it came. Superset replaces a table when it is uploaded again, and a wrong table must not take away the
    numbers of the right one before it. Line 1 is the headings. A table that dbt may not read, or of more than ten
    thousand lines, is no table of targets: its headings are kept, and that nothing stands below them is told.
  -#}
  {%- if not execute or flags.WHICH not in ('build', 'run', 'test', 'retry', 'compile', 'show') -%}
    {{ return('') }}
  {%- endif -%}
begin;
create schema if not exists raw_inputs;
create table if not exists raw_inputs.uploads (
  input text not null,
  version integer not null,
  fingerprint text not null,
  seen_at timestamptz not null,
  accepted_at timestamptz,
  line_number integer not null,
  line jsonb not null,
  primary key (input, version, line_number)
);
{% if is_live_build() -%}
do $keep$
declare
  table_name text;
begin
  foreach table_name in array array[{{ quoted_list(uploaded_inputs().keys() | list) }}] loop
    exit when to_regnamespace('uploads') is null or not has_schema_privilege('uploads', 'usage');
    continue when to_regclass('uploads.' || table_name) is null;
    continue when not has_table_privilege(to_regclass('uploads.' || table_name), 'select');
    execute format($copy$
      with headings as (
        select coalesce(jsonb_object_agg(attname, null), '{}') as line
        from pg_attribute
        where attrelid = 'uploads.%1$I'::regclass and attnum > 0 and not attisdropped
      ),
      lines as (
        select 1 as line_number, line from headings
        union all
        select numbered.line_number, numbered.line
        from (select row_number() over () + 1 as line_number, to_jsonb(rows) as line from uploads.%1$I as rows) as numbered
        where (select count(*) from uploads.%1$I) <= 10000
      ),
      print as (
        select md5(string_agg(line::text, '|' order by line_number)) as fingerprint from lines
      ),
      before as (
        select version, fingerprint from raw_inputs.uploads
        where input = %1$L and line_number = 1
        order by version desc
        limit 1
      )
      insert into raw_inputs.uploads (input, version, fingerprint, seen_at, line_number, line)
      select
        %1$L, coalesce((select version from before), 0) + 1, print.fingerprint, '{{ run_started_at.isoformat() }}',
        lines.line_number, lines.line
      from lines cross join print
      where print.fingerprint is distinct from (select fingerprint from before)
    $copy$, table_name);
  end loop;
end
$keep$;
{%- endif %}
commit;
{% endmacro %}


{% macro accept_uploads() -%}
  {#- Post-hook of int_inputs__uploads: a version that counts is marked, so that it goes on counting whatever is
      uploaded, renamed or dismissed after it. -#}
  {%- if is_live_build() -%}
    update raw_inputs.uploads set accepted_at = '{{ run_started_at.isoformat() }}'
    where
      accepted_at is null
      and (input, version) in (select uploads.input, uploads.version from {{ this }} as uploads where uploads.is_counting)
  {%- endif -%}
{%- endmacro %}


{% macro withdraw_upload(input) %}
  {#- `dbt run-operation withdraw_upload --args 'input: targets'`: forget every version of an upload and the uploaded table
      itself, so that the file in the repository counts again from the next build on. -#}
  {%- if input not in uploaded_inputs() -%}
    {{ exceptions.raise_compiler_error(
      "There is no upload '" ~ input ~ "': write one of " ~ uploaded_inputs().keys() | join(', ')
    ) }}
  {%- endif -%}
  {%- do run_query(
    "begin; drop table if exists uploads." ~ input ~ "; delete from raw_inputs.uploads where input = '" ~ input
    ~ "'; commit;"
  ) -%}
  {%- do log("Withdrawn: from the next build on seeds/" ~ input ~ ".csv counts", info=true) -%}
{% endmacro %}
