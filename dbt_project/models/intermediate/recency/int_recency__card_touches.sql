{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['card_type', 'card_id'], 'unique': true}],
    meta={
      'key': ['card_type', 'card_id'],
      'scope': 'affected',
      'follows': ['int_recency__card_calls', 'int_recency__card_activities']
    }
  )
}}
{%- set affected -%}
  select card_type, card_id from {{ changed_in('int_recency__card_calls') }}
  union all
  select card_type, card_id from {{ changed_in('int_recency__card_activities') }}
{%- endset -%}
{{ gather_affected(affected) }}
with card_calls as (

  select * from {{ ref('int_recency__card_calls') }}
  {{ affected_only(['card_type', 'card_id']) }}

),

card_activities as (

  select * from {{ ref('int_recency__card_activities') }}
  {{ affected_only(['card_type', 'card_id']) }}

),

-- A talk is an activity too, also where the portal made none of it.
touches as (

  select
    card_type,
    card_id,
    last_call_at,
    last_call_at as done_at,
    cast(null as timestamptz) as planned_at,
    cast(null as bigint) as activity_id,
    cast(null as text) as planned_subject
  from card_calls
  union all
  select
    card_type,
    card_id,
    cast(null as timestamptz) as last_call_at,
    done_at,
    planned_at,
    activity_id,
    planned_subject
  from card_activities

),

final as (

  select
    card_type,
    card_id,
    max(last_call_at) as last_call_at,
    max(done_at) as last_activity_at,
    min(planned_at) as next_step_at,
    (array_agg(activity_id order by planned_at, activity_id) filter (where planned_at is not null))[1]
      as next_activity_id,
    (array_agg(planned_subject order by planned_at, activity_id) filter (where planned_at is not null))[1]
      as next_step
  from touches
  group by card_type, card_id

)

select * from final
