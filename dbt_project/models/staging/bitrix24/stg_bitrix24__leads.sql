{{
  config(
    materialized='table',
    indexes=[{'columns': ['lead_id'], 'unique': true}]
  )
}}

with versions as (

  select * from {{ ref('stg_bitrix24__lead_versions') }}

),

ranked as (

  select
    versions.*,
    row_number() over (
      partition by lead_id
      order by {{ newest_version_first() }}
    ) as version_rank,
    first_value(deleted_at) over (
      partition by lead_id
      order by modified_at desc, received_at desc
    ) as card_deleted_at
  from versions

),

final as (

  select *
  from ranked
  where version_rank = 1 and {{ present_at_as_of('card_deleted_at') }}

)

select * from final
