with targets as (

  select * from {{ ref('targets') }}

),

demonstration as (

  select * from {{ ref('demo_targets') }}

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
    targets.*,
    'seeds/targets.csv' as file_name,
    row_number() over () + 1 as line_number
  from targets
  union all
  select
    demonstration.*,
    'seeds/demo_targets.csv' as file_name,
    row_number() over () + 1 as line_number
  from demonstration
  cross join portal
  where portal.is_demonstration

),

read as (

  select
    file_name,
    line_number,
    btrim(metric_code) as metric_code,
    lower(btrim(scope)) as scope,
    nullif(btrim(name), '') as name,
    lower(btrim(period)) as period,
    {{ typed_date('valid_from') }} as valid_from,
    case
      when valid_to is null then cast('9999-12-31' as date)
      else {{ typed_date('valid_to') }}
    end as valid_to,
    {{ typed_number('value') }} as value,
    case lower(coalesce(per_person, 'false'))
      when 'true' then true
      when 'false' then false
    end as is_per_person
  from lines

),

named as (

  select
    read.*,
    metrics.kind = 'ratio' as is_ratio,
    metrics.metric_code is not null as is_metric_known,
    departments.department_id,
    departments.path_ids,
    departments.depth,
    managers.manager_id,
    count(*) over (partition by read.file_name, read.line_number) as matches
  from read
  left join metrics on read.metric_code = metrics.metric_code
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
    case
      when not one_each.is_metric_known
        then
          'there is no metric "' || coalesce(one_each.metric_code, '')
          || '" to plan: take a code of seeds/metric_catalogue.csv, of kind event or ratio'
      when coalesce(one_each.scope, '') not in ('company', 'department', 'manager')
        then 'scope is "' || coalesce(one_each.scope, '') || '": write company, department or manager'
      when one_each.scope = 'company' and one_each.name is not null
        then 'a target of the company has the name "' || one_each.name || '": leave it empty, or correct the scope'
      when one_each.scope <> 'company' and one_each.name is null
        then 'name is empty: write the name or id of the ' || one_each.scope
      when one_each.scope = 'department' and one_each.department_id is null
        then 'there is no department "' || one_each.name || '": write its name, path or id as dim_departments has it'
      when one_each.scope = 'manager' and one_each.manager_id is null
        then 'there is no employee "' || one_each.name || '": write the name or id as dim_managers has it'
      when one_each.matches > 1
        then 'several departments are called "' || one_each.name || '": write the path or id of the one you mean'
      when coalesce(one_each.period, '') not in ('day', 'week', 'month')
        then 'period is "' || coalesce(one_each.period, '') || '": write day, week or month'
      when one_each.valid_from is null then 'valid_from is no day: write it as YYYY-MM-DD'
      when one_each.valid_to is null
        then 'valid_to is no day: write it as YYYY-MM-DD, or leave it empty while it goes on'
      when one_each.valid_to < one_each.valid_from then 'valid_to is before valid_from: swap them'
      when one_each.value is null then 'value is no number: write digits, such as 1200000 or 0.3'
      when one_each.is_per_person is null
        then 'per_person is neither true nor false: write one of them, or leave it empty'
      when clashes.other_line_number is not null
        then
          'line ' || clashes.other_line_number || ' holds on the same days for the same: end this one with valid_to the'
          || ' day before the other begins, or drop one of them'
    end as problem
  from one_each
  left join clashes
    on one_each.file_name = clashes.file_name and one_each.line_number = clashes.line_number

)

select * from final
