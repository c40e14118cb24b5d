with entered as (

  select * from {{ ref('people') }}

),

demonstration as (

  select * from {{ ref('demo_people') }}

),

portal as (

  select * from {{ ref('stg_bitrix24__portal') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

-- Small files keep their order when they are read, so that rows can be told by their line.
-- The invented roles belong to the invented company only.
written as (

  select
    1 as priority,
    'seeds/people.csv' as file_name,
    row_number() over () + 1 as line_number,
    employee,
    login,
    role
  from entered
  union all
  select
    2 as priority,
    'seeds/demo_people.csv' as file_name,
    row_number() over () + 1 as line_number,
    demonstration.employee,
    demonstration.login,
    demonstration.role
  from demonstration
  cross join portal
  where portal.is_demonstration

),

lines as (

  select
    priority,
    file_name,
    line_number,
    nullif(btrim(employee), '') as employee,
    nullif(btrim(login), '') as login,
    nullif(btrim(role), '') as role
  from written

),

read as (

  select
    lines.*,
    managers.manager_id,
    min(lines.line_number) over (
      partition by lines.priority, coalesce(cast(managers.manager_id as text), lines.employee)
    ) as line_of_employee,
    min(lines.line_number) over (partition by lines.priority, lines.login) as line_of_login
  from lines
  left join managers
    on
      managers.manager_id <> 0
      and lines.employee in (managers.manager, cast(managers.manager_id as text))

),

final as (

  select
    priority,
    file_name,
    line_number,
    manager_id,
    login,
    role,
    {{ problem_columns([
      {
        'when': 'employee is null and login is null',
        'column': 'employee',
        'english': "'neither employee nor login: write who it is'",
        'russian': "'не указано, кто это: напишите сотрудника или логин'",
      },
      {
        'when': 'employee is not null and manager_id is null',
        'column': 'employee',
        'english': "'there is no employee \"' || employee || '\": write the name or id as dim_managers has it'",
        'russian': "'нет сотрудника «' || employee || '»: напишите фамилию и имя, как в Битрикс24'",
      },
      {
        'when': "login !~ '" ~ login_pattern() ~ "'",
        'column': 'login',
        'english': "'login is \"' || login || '\": write small Latin letters, digits and . _ - + @ only'",
        'russian': "'логин «' || login || '»: только строчные латинские буквы, цифры и знаки . _ - + @'",
      },
      {
        'when': "login in ('admin', 'voronka-import')",
        'column': 'login',
        'english': "'the login ' || login || ' is Voronka''s own: choose another'",
        'russian': "'логин ' || login || ' занят самой Воронкой: выберите другой'",
      },
      {
        'when': "role is null or role not in ('" ~ access_roles() | join("', '") ~ "')",
        'column': 'role',
        'english': "'role is \"' || coalesce(role, '') || '\": write one of " ~ access_roles() | join(', ') ~ "'",
        'russian': "'роль «' || coalesce(role, '') || '»: напишите одну из " ~ access_roles() | join(', ') ~ "'",
      },
      {
        'when': 'employee is not null and line_number > line_of_employee',
        'column': 'employee',
        'english': "'line ' || line_of_employee || ' names the employee already: leave one of them'",
        'russian': "'сотрудник уже указан в строке ' || line_of_employee || ': оставьте одну'",
      },
      {
        'when': 'login is not null and line_number > line_of_login',
        'column': 'login',
        'english': "'line ' || line_of_login || ' has the login already: leave one of them'",
        'russian': "'логин уже указан в строке ' || line_of_login || ': оставьте одну'",
      },
    ]) }}
  from read

)

select * from final
