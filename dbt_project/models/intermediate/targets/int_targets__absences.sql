with absences as (

  select * from {{ ref('absences') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

-- Small files keep their order when they are read, so that rows can be told by their line.
lines as (

  select
    *,
    row_number() over () + 1 as line_number
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
      and btrim(lines.employee) in (managers.manager, cast(managers.manager_id as text))

),

final as (

  select
    line_number,
    manager_id,
    from_day,
    to_day,
    case
      when employee is null then 'employee is empty: write the name or id of an employee'
      when manager_id is null
        then 'there is no employee "' || employee || '": write the name or id as dim_managers has it'
      when from_day is null then 'from_day is no day: write it as YYYY-MM-DD'
      when to_day is null then 'to_day is no day: write it as YYYY-MM-DD, or leave it empty while the absence goes on'
      when to_day < from_day then 'to_day is before from_day: swap them'
    end as problem
  from read

)

select * from final
