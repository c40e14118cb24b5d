{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['call_id'], 'unique': true},
      {'columns': ['attempt_id']},
      {'columns': ['phone_key']},
      {'columns': ['session_id']},
      {'columns': ['activity_id']},
      {'columns': ['call_code']}
    ],
    meta={
      'key': 'call_id',
      'logs': ['call_id', 'attempt_id'],
      'scope': 'affected',
      'follows': ['stg_bitrix24__calls']
    }
  )
}}
{#-
  A call that came or changed concerns the calls of its number and session, theirs, and so on; and those that it was among
  before it changed.
-#}
{%- set affected -%}
  with recursive changed as (
    select call_id from {{ changed_in('stg_bitrix24__calls') }}
    union
    select call_id from {{ ref('stg_bitrix24__calls') }}
    where started_at >= {{ last_build() }}
  ),
  old as (
    select legs.* from {{ this }} as legs
    inner join changed on legs.call_id = changed.call_id
  ),
  touched as (
    select call_id from (
      select call_id from changed
      union
      select legs.call_id from {{ this }} as legs
      inner join old on legs.phone_key = old.phone_key
      where legs.direction = 'inbound' and old.direction = 'inbound'
      union
      select legs.call_id from {{ this }} as legs
      inner join old on legs.session_id = old.session_id
    ) as seeds
    union
    select neighbours.call_id
    from touched
    inner join (select * from {{ ref('stg_bitrix24__calls') }}) as calls on touched.call_id = calls.call_id
    cross join lateral (
      select others.call_id from (select * from {{ ref('stg_bitrix24__calls') }}) as others
      where others.phone_key = calls.phone_key and others.type_id in (2, 3) and calls.type_id in (2, 3)
      union all
      select others.call_id from (select * from {{ ref('stg_bitrix24__calls') }}) as others
      where others.session_id = calls.session_id
    ) as neighbours
  )
  select call_id from touched
{%- endset -%}
{{ gather_affected(affected) }}
with recursive calls as (

  select * from {{ ref('stg_bitrix24__calls') }}
  {{ affected_only('call_id') }}

),

legs as (

  select
    call_id,
    call_code,
    session_id,
    manager_id,
    activity_id,
    crm_entity_type,
    crm_entity_id,
    phone_key,
    result_code,
    duration_seconds,
    started_at,
    case type_id
      when 1 then 'outbound'
      when 2 then 'inbound'
      when 3 then 'inbound'
      when 4 then 'callback'
    end as direction,
    result_code = '200' and result_code is not null as is_answered
  from calls
  where
    category = 'external'
    and type_id in (1, 2, 3, 4)
    and started_at < {{ as_of() }}

),

-- Whether the session of a leg had been answered by this leg.
sessions as (

  select
    *,
    case
      when session_id is not null
        then lag(call_id) over (partition by direction, session_id order by started_at, call_id)
    end as session_leg_before,
    case
      when session_id is null then is_answered
      else bool_or(is_answered) over (partition by direction, session_id order by started_at, call_id)
    end as is_answered_by_now
  from legs

),

-- Each leg knows the leg before it in the same attempt: of its session, else of the same number while it rings on.
-- Dials are attempts of their own: numbers join inbound legs only.
linked as (

  select
    *,
    case
      when session_leg_before is not null then session_leg_before
      when
        direction = 'inbound'
        and phone_key is not null
        and not lag(is_answered_by_now) over number_legs
        and started_at - lag(started_at) over number_legs
        <= interval '{{ var("ring_group_seconds") }} seconds'
        then lag(call_id) over number_legs
    end as leg_before
  from sessions
  window number_legs as (partition by direction, phone_key order by started_at, call_id)

),

chains as (

  select
    call_id,
    call_id as attempt_id
  from linked
  where leg_before is null
  union all
  select
    linked.call_id,
    chains.attempt_id
  from chains
  inner join linked on chains.call_id = linked.leg_before

),

final as (

  select
    linked.*,
    chains.attempt_id
  from chains
  inner join linked on chains.call_id = linked.call_id

)

select * from final
