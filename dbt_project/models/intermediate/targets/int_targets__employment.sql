{{ config(tags=['nightly']) }}

with users as (

  select * from {{ ref('stg_bitrix24__users') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

departments as (

  select * from {{ ref('dim_departments') }}

),

calls as (

  select * from {{ ref('stg_bitrix24__calls') }}

),

activities as (

  select * from {{ ref('stg_bitrix24__activities') }}

),

-- What an employee did, whenever it was: a build as of a past day knows, too, who worked on after it.
traces as (

  select
    manager_id,
    min(started_at) as first_at,
    max(started_at) as last_at
  from calls
  group by manager_id
  union all
  select
    manager_id,
    min(created_at) as first_at,
    max(created_at) as last_at
  from activities
  group by manager_id

),

bounds as (

  select
    manager_id,
    min(first_at) as first_at,
    max(last_at) as last_at
  from traces
  group by manager_id

),

heads as (

  select distinct head_id
  from departments
  where head_id is not null

),

-- The portal keeps no history of employment: it begins with the account or the first trace, and of who is dismissed
-- ends with the last trace.
dated as (

  select
    managers.manager_id,
    managers.department_id,
    departments.path_ids,
    heads.head_id is not null as is_head,
    coalesce(users.user_type, 'employee') = 'employee' as is_employee,
    managers.is_active,
    {{ local_date('least(users.registered_at, bounds.first_at)') }} as employed_from,
    case when not managers.is_active then {{ local_date('bounds.last_at') }} end as employed_until
  from managers
  inner join users on managers.manager_id = users.user_id
  left join departments on managers.department_id = departments.department_id
  left join heads on managers.manager_id = heads.head_id
  left join bounds on managers.manager_id = bounds.manager_id

),

final as (

  select
    manager_id,
    department_id,
    path_ids,
    is_head,
    coalesce(employed_from, cast('0001-01-01' as date)) as employed_from,
    coalesce(employed_until, cast('9999-12-31' as date)) as employed_until,
    is_employee
    and path_ids is not null
    and {{ in_selling_department('path_ids') }}
    and (not is_head or {{ var('targets_for_heads') }}) as is_sharing
  from dated
  where is_active or employed_until is not null

)

select * from final
