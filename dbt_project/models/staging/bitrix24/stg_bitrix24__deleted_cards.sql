{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['stream', 'entity_type_id', 'card_id']}],
    meta={'key': ['stream', 'card_id'], 'scope': 'all'}
  )
}}

with buckets as (

  select * from {{ ref('stg_bitrix24__card_id_buckets') }}

),

final as (

  select
    buckets.stream,
    buckets.entity_type_id,
    cast(deleted.card_id as bigint) as card_id,
    cast(deleted.deleted_at as timestamptz) as deleted_at
  from buckets
  cross join lateral jsonb_each_text(buckets.deleted) as deleted (card_id, deleted_at)

)

select * from final
