with users as (

  select * from {{ ref('stg_bitrix24__users') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

departments as (

  select * from {{ ref('dim_departments') }}

),

entered as (

  select * from {{ ref('int_access__entered') }}
  where problem is null

),

heads as (

  select distinct head_id
  from departments
  where head_id is not null

),

-- A file's line for an employee; the company's own file before the invented company's.
chosen as (

  select distinct on (manager_id)
    manager_id,
    login,
    role
  from entered
  where manager_id is not null
  order by manager_id, priority

),

-- Who is dismissed, or a guest from outside, has no login, whatever a file says of them.
employees as (

  select
    managers.manager_id,
    coalesce(users.last_name, '') as last_name,
    coalesce(users.first_name, '') as first_name,
    managers.manager,
    lower(btrim(users.email)) as email,
    chosen.login as chosen_login,
    coalesce(
      chosen.role,
      case
        when heads.head_id is not null then 'head_of_department'
        when departments.path_ids is not null and {{ in_selling_department('departments.path_ids') }} then 'manager'
        else 'none'
      end
    ) as role
  from managers
  inner join users on managers.manager_id = users.user_id
  left join departments on managers.department_id = departments.department_id
  left join heads on managers.manager_id = heads.head_id
  left join chosen on managers.manager_id = chosen.manager_id
  where
    managers.is_active
    and coalesce(users.user_type, 'employee') = 'employee'

),

-- An address that two people share, or that could not be a login, is nobody's.
addressed as (

  select
    *,
    case
      when email ~ '{{ login_pattern() }}' and position('@' in email) > 0 and count(*) over (partition by email) = 1
        then email
    end as own_email
  from employees

),

-- A login that a line gives to one person is not taken by another's address.
given as (

  select login
  from entered
  where login is not null

),

named as (

  select
    addressed.*,
    coalesce(
      addressed.chosen_login,
      case when given.login is null then addressed.own_email end,
      'user' || addressed.manager_id
    ) as login
  from addressed
  left join given on addressed.own_email = given.login

),

outsiders as (

  select distinct on (login)
    login,
    role
  from entered
  where manager_id is null
  order by login, priority

),

together as (

  select
    login,
    role,
    manager_id,
    manager as person,
    last_name,
    first_name,
    own_email as email
  from named
  union all
  select
    login,
    role,
    cast(null as bigint) as manager_id,
    login as person,
    login as last_name,
    '' as first_name,
    cast(null as text) as email
  from outsiders

),

-- One login, one person: where lines and addresses meet all the same, the employee with the smaller id has it.
single as (

  select distinct on (login) *
  from together
  order by login, manager_id

),

final as (

  select
    login,
    role,
    manager_id,
    person,
    last_name,
    first_name,
    email
  from single

)

select * from final
