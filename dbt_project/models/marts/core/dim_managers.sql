with users as (

  select * from {{ ref('stg_bitrix24__users') }}

),

departments as (

  select * from {{ ref('dim_departments') }}

),

named as (

  select
    user_id,
    is_active,
    department_id,
    position,
    coalesce(nullif(concat_ws(' ', last_name, first_name), ''), email, 'Сотрудник № ' || user_id) as manager
  from users

),

final as (

  select
    named.user_id as manager_id,
    case
      when count(*) over (partition by named.manager) > 1 then named.manager || ' (' || named.user_id || ')'
      else named.manager
    end as manager,
    named.is_active,
    departments.department_id,
    coalesce(departments.department, 'Без отдела') as department,
    coalesce(named.position, '') as position
  from named
  left join departments on named.department_id = departments.department_id
  union all
  select
    0 as manager_id,
    'Без ответственного' as manager,
    true as is_active,
    null as department_id,
    'Без отдела' as department,
    '' as position

)

select * from final
