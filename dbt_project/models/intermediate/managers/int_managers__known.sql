{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['manager_id'], 'unique': true}],
    meta={'key': 'manager_id', 'scope': 'all'}
  )
}}

with managers as (

  select * from {{ ref('dim_managers') }}

),

final as (

  select
    manager_id,
    manager,
    department
  from managers

)

select * from final
