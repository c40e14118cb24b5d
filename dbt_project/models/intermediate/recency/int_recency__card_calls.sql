{{ config(indexes=[{'columns': ['card_type', 'card_id'], 'unique': true}]) }}

with touches as (

  select * from {{ ref('int_recency__call_touches') }}

),

final as (

  select
    card_type,
    card_id,
    max(started_at) as last_call_at
  from touches
  where is_successful
  group by card_type, card_id

)

select * from final
