with absences as (

  select * from {{ ref('absences') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

-- Small files keep their order when they are read, so that rows can be told by their line.
lines as (

  select
    row_number() over () + 1 as line_number,
    nullif(btrim(employee), '') as employee,
    {{ iso_day('from_day') }} as from_day,
    nullif({{ iso_day('to_day') }}, '') as to_day
  from absences

),

read as (

  select
    lines.line_number,
    lines.employee,
    managers.manager_id,
    {{ typed_date('lines.from_day') }} as from_day,
    case
      when lines.to_day is null then cast('9999-12-31' as date)
      else {{ typed_date('lines.to_day') }}
    end as to_day
  from lines
  left join managers
    on
      managers.manager_id <> 0
      and lines.employee in (managers.manager, cast(managers.manager_id as text))

),

final as (

  select
    line_number,
    manager_id,
    from_day,
    to_day,
    {{ problem_columns([
      {
        'when': 'employee is null',
        'column': 'employee',
        'english': "'employee is empty: write the name or id of an employee'",
        'russian': "'не указан сотрудник: напишите фамилию и имя, как в Битрикс24'",
      },
      {
        'when': 'manager_id is null',
        'column': 'employee',
        'english': "'there is no employee \"' || employee || '\": write the name or id as dim_managers has it'",
        'russian': "'нет сотрудника «' || employee || '»: напишите фамилию и имя, как в Битрикс24'",
      },
      {
        'when': 'from_day is null',
        'column': 'from_day',
        'english': "'from_day is no day: write it as YYYY-MM-DD'",
        'russian': "'первый день не указан или не читается: напишите, например, 2026-07-01'",
      },
      {
        'when': 'to_day is null',
        'column': 'to_day',
        'english': "'to_day is no day: write it as YYYY-MM-DD, or leave it empty while the absence goes on'",
        'russian': "'последний день не читается: напишите, например, 2026-07-14, или оставьте пустым'",
      },
      {
        'when': 'to_day < from_day',
        'column': 'to_day',
        'english': "'to_day is before from_day: swap them'",
        'russian': "'последний день раньше первого: поменяйте их местами'",
      },
    ]) }}
  from read

)

select * from final
