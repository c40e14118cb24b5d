with recursive departments as (

  select * from {{ ref('stg_bitrix24__departments') }}

),

-- The head a portal names may be nobody it returns; the tree starts wherever a parent is missing.
tree as (

  select
    departments.department_id,
    departments.department,
    cast(null as bigint) as parent_id,
    departments.head_id,
    departments.department as path,
    '/' || departments.department_id || '/' as path_ids,
    0 as depth
  from departments
  left join departments as parents on departments.parent_id = parents.department_id
  where parents.department_id is null
  union all
  select
    departments.department_id,
    departments.department,
    departments.parent_id,
    departments.head_id,
    tree.path || ' / ' || departments.department as path,
    tree.path_ids || departments.department_id || '/' as path_ids,
    tree.depth + 1 as depth
  from tree
  inner join departments on tree.department_id = departments.parent_id
  where position('/' || departments.department_id || '/' in tree.path_ids) = 0

),

final as (

  select
    department_id,
    coalesce(department, 'Отдел № ' || department_id) as department,
    parent_id,
    head_id,
    coalesce(path, '') as path,
    path_ids,
    depth
  from tree

)

select * from final
