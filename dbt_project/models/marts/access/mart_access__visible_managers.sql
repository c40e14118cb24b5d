with people as (

  select * from {{ ref('mart_access__people') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

departments as (

  select * from {{ ref('dim_departments') }}

),

own as (

  select
    login,
    manager_id
  from people
  where
    manager_id is not null
    and (role in {{ roles_that_see('own') }} or role in {{ roles_that_see('tree') }})

),

heads as (

  select distinct head_id
  from departments
  where head_id is not null

),

-- The departments a person heads; who heads none, though a file says so, heads the department they are in.
headed as (

  select
    people.login,
    departments.department_id
  from people
  inner join managers on people.manager_id = managers.manager_id
  left join heads on people.manager_id = heads.head_id
  inner join departments
    on
      people.manager_id = departments.head_id
      or (heads.head_id is null and managers.department_id = departments.department_id)
  where people.role in {{ roles_that_see('tree') }}

),

-- Who left is seen on: their deals and calls are the department's still.
trees as (

  select
    headed.login,
    managers.manager_id
  from headed
  inner join departments on position('/' || headed.department_id || '/' in departments.path_ids) > 0
  inner join managers on departments.department_id = managers.department_id

),

final as (

  select
    login,
    manager_id
  from own
  union
  select
    login,
    manager_id
  from trees

)

select * from final
