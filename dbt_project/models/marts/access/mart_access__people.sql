with people as (

  select * from {{ ref('int_access__people') }}

),

final as (

  select
    login,
    role,
    manager_id,
    person,
    last_name,
    first_name,
    email,
    role in {{ roles_that_see('all') }} as sees_all,
    role in {{ roles_that_see('all') }} or role in {{ roles_that_see('channels') }} as sees_channels
  from people
  where role <> 'none'

)

select * from final
