{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['card_type', 'card_id'], 'unique': true}],
    meta={
      'key': ['card_type', 'card_id'],
      'scope': 'affected',
      'follows': ['int_recency__call_touches']
    }
  )
}}
{%- set affected -%}
  select card_type, card_id from {{ changed_in('int_recency__call_touches') }}
{%- endset -%}
{{ gather_affected(affected) }}
with touches as (

  select * from {{ ref('int_recency__call_touches') }}
  {{ affected_only(['card_type', 'card_id']) }}

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
