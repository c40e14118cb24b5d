with targets as (

  select * from {{ ref('targets') }}

),

demonstration as (

  select * from {{ ref('demo_targets') }}

),

uploads as (

  select * from {{ ref('stg_inputs__upload_lines') }}
  where input = 'targets' and line_number > 1

),

portal as (

  select * from {{ ref('stg_bitrix24__portal') }}

),

metrics as (

  select * from {{ ref('dim_metrics') }}
  where kind in ('event', 'ratio')

),

managers as (

  select * from {{ ref('dim_managers') }}
  where manager_id <> 0

),

departments as (

  select * from {{ ref('dim_departments') }}

),

-- Small files keep their order when they are read, so that rows can be told by their line.
-- The invented targets belong to the invented company only.
lines as (

  select
    to_jsonb(targets) as line,
    cast(null as integer) as upload_version,
    'seeds/targets.csv' as file_name,
    row_number() over () + 1 as line_number
  from targets
  union all
  select
    to_jsonb(demonstration) as line,
    cast(null as integer) as upload_version,
    'seeds/demo_targets.csv' as file_name,
    row_number() over () + 1 as line_number
  from demonstration
  cross join portal
  where portal.is_demonstration
  union all
  select
    line,
    version as upload_version,
    'uploads.targets, version ' || version as file_name,
    line_number
  from uploads

),

cells as (

  select
    file_name,
    line_number,
    upload_version,
    {{ line_text('targets', 'metric_code') }} as metric_code,
    {{ line_text('targets', 'scope') }} as scope,
    {{ line_text('targets', 'name') }} as name,
    {{ line_text('targets', 'period') }} as period,
    {{ iso_day(line_text('targets', 'valid_from')) }} as valid_from,
    {{ iso_day(line_text('targets', 'valid_to')) }} as valid_to,
    {{ line_text('targets', 'value') }} as value,
    {{ line_text('targets', 'per_person') }} as per_person
  from lines
  where not ({{ line_is_blank() }})

),

words as (

  select
    file_name,
    line_number,
    upload_version,
    metric_code,
    {{ word_of('scope', {
      'company': ['компания', 'вся компания', 'все'],
      'department': ['отдел', 'подразделение'],
      'manager': ['менеджер', 'сотрудник'],
    }) }} as scope,
    name,
    {{ word_of('period', {
      'day': ['день', 'в день'],
      'week': ['неделя', 'в неделю'],
      'month': ['месяц', 'в месяц'],
    }) }} as period,
    valid_from,
    valid_to,
    value,
    {{ word_of("coalesce(per_person, 'false')", {
      'true': ['да', 'yes', 'y', '1', 'истина'],
      'false': ['нет', 'no', 'n', '0', 'ложь'],
    }) }} as per_person
  from cells

),

read as (

  select
    file_name,
    line_number,
    upload_version,
    metric_code,
    scope,
    name,
    period,
    {{ typed_date('valid_from') }} as valid_from,
    case
      when valid_to is null then cast('9999-12-31' as date)
      else {{ typed_date('valid_to') }}
    end as valid_to,
    {{ typed_number('value') }} as value,
    value ~ '^\s*[-−]\s*\d' as is_negative,
    case per_person
      when 'true' then true
      when 'false' then false
    end as is_per_person
  from words

),

named as (

  select
    read.file_name,
    read.line_number,
    read.upload_version,
    coalesce(metrics.metric_code, read.metric_code) as metric_code,
    read.scope,
    read.name,
    read.period,
    read.valid_from,
    read.valid_to,
    read.value,
    read.is_negative,
    read.is_per_person,
    metrics.kind = 'ratio' as is_ratio,
    metrics.metric_code is not null as is_metric_known,
    departments.department_id,
    departments.path_ids,
    departments.depth,
    managers.manager_id,
    count(*) over (partition by read.file_name, read.line_number) as matches
  from read
  left join metrics
    on read.metric_code = metrics.metric_code or lower(read.metric_code) = lower(metrics.label_ru)
  left join departments
    on
      read.scope = 'department'
      and read.name in (departments.department, departments.path, cast(departments.department_id as text))
  left join managers
    on
      read.scope = 'manager'
      and read.name in (managers.manager, cast(managers.manager_id as text))

),

one_each as (

  select distinct on (file_name, line_number) *
  from named
  order by file_name, line_number, department_id, manager_id

),

-- Two rows that hold on the same day for the same metric and the same company, department or employee.
clashes as (

  select
    earlier.file_name,
    earlier.line_number,
    min(later.line_number) as other_line_number
  from one_each as earlier
  inner join one_each as later
    on
      earlier.metric_code = later.metric_code
      and earlier.scope = later.scope
      and earlier.department_id is not distinct from later.department_id
      and earlier.manager_id is not distinct from later.manager_id
      and earlier.valid_from <= later.valid_to
      and earlier.valid_to >= later.valid_from
      -- a version of an upload stands beside the others, and clashes with none of them
      and earlier.upload_version is not distinct from later.upload_version
      and (earlier.file_name, earlier.line_number) < (later.file_name, later.line_number)
  where
    earlier.scope = 'company'
    or earlier.department_id is not null
    or earlier.manager_id is not null
  group by earlier.file_name, earlier.line_number

),

final as (

  select
    one_each.file_name || ':' || one_each.line_number as target_id,
    one_each.file_name,
    one_each.line_number,
    one_each.upload_version,
    one_each.metric_code,
    one_each.is_ratio,
    one_each.scope,
    one_each.department_id,
    one_each.path_ids,
    one_each.depth,
    one_each.manager_id,
    one_each.period,
    one_each.valid_from,
    one_each.valid_to,
    one_each.value,
    one_each.is_per_person,
    {{ problem_columns([
      {
        'when': 'not one_each.is_metric_known',
        'column': 'metric_code',
        'english': "'there is no metric \"' || coalesce(one_each.metric_code, '') || '\" to plan: take a code of seeds/metric_catalogue.csv, of kind event or ratio'",
        'russian': "'нет показателя «' || coalesce(one_each.metric_code, '') || '»: возьмите название или код из словаря показателей'",
      },
      {
        'when': "coalesce(one_each.scope, '') not in ('company', 'department', 'manager')",
        'column': 'scope',
        'english': "'scope is \"' || coalesce(one_each.scope, '') || '\": write company, department or manager'",
        'russian': "'непонятно, для кого план: «' || coalesce(one_each.scope, '') || '». Напишите: компания, отдел или менеджер'",
      },
      {
        'when': "one_each.scope = 'company' and one_each.name is not null",
        'column': 'name',
        'english': "'a target of the company has the name \"' || one_each.name || '\": leave it empty, or correct the scope'",
        'russian': "'у плана компании указано название «' || one_each.name || '»: оставьте его пустым или исправьте, для кого план'",
      },
      {
        'when': "one_each.scope <> 'company' and one_each.name is null",
        'column': 'name',
        'english': "'name is empty: write the name or id of the ' || one_each.scope",
        'russian': "'не указано название: напишите отдел или сотрудника, как они называются в Битрикс24'",
      },
      {
        'when': "one_each.scope = 'department' and one_each.department_id is null",
        'column': 'name',
        'english': "'there is no department \"' || one_each.name || '\": write its name, path or id as dim_departments has it'",
        'russian': "'нет отдела «' || one_each.name || '»: напишите его, как он называется в Битрикс24'",
      },
      {
        'when': "one_each.scope = 'manager' and one_each.manager_id is null",
        'column': 'name',
        'english': "'there is no employee \"' || one_each.name || '\": write the name or id as dim_managers has it'",
        'russian': "'нет сотрудника «' || one_each.name || '»: напишите фамилию и имя, как в Битрикс24'",
      },
      {
        'when': 'one_each.matches > 1',
        'column': 'name',
        'english': "'several ' || one_each.scope || 's are called \"' || one_each.name || '\": write the path or id of the one you mean'",
        'russian': "'несколько отделов или сотрудников называются «' || one_each.name || '»: напишите путь («Компания / Отдел») или номер'",
      },
      {
        'when': "coalesce(one_each.period, '') not in ('day', 'week', 'month')",
        'column': 'period',
        'english': "'period is \"' || coalesce(one_each.period, '') || '\": write day, week or month'",
        'russian': "'непонятный период «' || coalesce(one_each.period, '') || '»: напишите день, неделя или месяц'",
      },
      {
        'when': 'one_each.valid_from is null',
        'column': 'valid_from',
        'english': "'valid_from is no day: write it as YYYY-MM-DD'",
        'russian': "'не указан или не читается первый день: напишите дату, например 01.09.2026'",
      },
      {
        'when': 'one_each.valid_to is null',
        'column': 'valid_to',
        'english': "'valid_to is no day: write it as YYYY-MM-DD, or leave it empty while it goes on'",
        'russian': "'последний день не читается: напишите дату, например 30.09.2026, или оставьте пустым'",
      },
      {
        'when': 'one_each.valid_to < one_each.valid_from',
        'column': 'valid_to',
        'english': "'valid_to is before valid_from: swap them'",
        'russian': "'последний день раньше первого: поменяйте их местами'",
      },
      {
        'when': 'one_each.value is null and one_each.is_negative',
        'column': 'value',
        'english': "'value is negative: a target is 0 or more'",
        'russian': "'план меньше нуля: напишите 0 или больше'",
      },
      {
        'when': 'one_each.value is null',
        'column': 'value',
        'english': "'value is no number: write digits, such as 1200000 or 0.3'",
        'russian': "'значение — не число: напишите цифрами, например 1200000 или 0,3'",
      },
      {
        'when': 'one_each.is_per_person is null',
        'column': 'per_person',
        'english': "'per_person is neither true nor false: write one of them, or leave it empty'",
        'russian': "'в столбце «на каждого» должно быть да, нет или пусто'",
      },
      {
        'when': 'clashes.other_line_number is not null',
        'column': 'valid_from',
        'english': "'line ' || clashes.other_line_number || ' holds on the same days for the same: end this one with valid_to the day before the other begins, or drop one of them'",
        'russian': "'строка ' || clashes.other_line_number || ' — план на те же дни для того же: закончите этот днём раньше или уберите одну из строк'",
      },
    ]) }}
  from one_each
  left join clashes
    on one_each.file_name = clashes.file_name and one_each.line_number = clashes.line_number

)

select * from final
