{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['call_id'], 'unique': true},
      {'columns': ['phone_key']}
    ],
    meta={
      'key': 'call_id',
      'scope': 'affected',
      'follows': ['int_calls__legs']
    }
  )
}}
{%- set affected -%}
  select attempt_id as call_id from {{ changed_in('int_calls__legs') }}
{%- endset -%}
{{ gather_affected(affected) }}
with legs as (

  select * from {{ ref('int_calls__legs') }}
  {{ affected_only('attempt_id') }}

),

attempts as (

  select
    attempt_id as call_id,
    min(direction) as direction,
    min(started_at) as started_at,
    bool_or(is_answered) as is_answered,
    coalesce(sum(duration_seconds) filter (where is_answered), 0) as talk_seconds,
    count(*) as legs_count,
    -- Answered: by the first who did. Missed: by the last who rang.
    (array_agg(manager_id order by started_at, call_id) filter (where is_answered))[1] as answered_by,
    (array_agg(manager_id order by started_at desc, call_id desc) filter (where manager_id is not null))[1]
      as rang_last,
    (array_agg(result_code order by started_at desc, call_id desc))[1] as last_code,
    (array_agg(phone_key order by started_at, call_id) filter (where phone_key is not null))[1]
      as phone_key,
    (
      array_agg(
        crm_entity_type || ':' || crm_entity_id order by is_answered desc, started_at desc, call_id desc
      )
      filter (where crm_entity_type in ('lead', 'contact', 'company') and crm_entity_id is not null)
    )[1] as crm_entity
  from legs
  group by attempt_id

),

final as (

  select
    call_id,
    direction,
    started_at,
    is_answered,
    is_answered and talk_seconds >= {{ var('successful_call_min_seconds') }} as is_successful,
    cast(talk_seconds as bigint) as talk_seconds,
    cast(legs_count as integer) as legs_count,
    case when is_answered then answered_by else rang_last end as manager_id,
    case when not is_answered then coalesce(last_code, 'OTHER') end as failure_code,
    phone_key,
    split_part(crm_entity, ':', 1) as crm_entity_type,
    cast(split_part(crm_entity, ':', 2) as bigint) as crm_entity_id
  from attempts

)

select * from final
