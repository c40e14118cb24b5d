{{ config(materialized='ephemeral') }}

with source as (

  select * from {{ source('dbt', 'results') }}

),

final as (

  select
    node_id,
    node_name,
    resource_type,
    folder,
    status,
    failures,
    message,
    ran_at,
    failing_since
  from source

)

select * from final
