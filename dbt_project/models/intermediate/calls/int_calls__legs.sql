{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['call_id'], 'unique': true},
      {'columns': ['attempt_id']},
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
{%- set ring = "interval '" ~ var('ring_group_seconds') ~ " seconds'" -%}
{#-
  A call that came or changed concerns those of its session and those that its number rang with just before or after it, theirs,
  and so on; and those that it was among before it changed.
-#}
{%- set changed_calls -%}
  select call_id from {{ changed_in('stg_bitrix24__calls') }}
  union
  select call_id from {{ ref('stg_bitrix24__calls') }}
  where started_at >= {{ last_build() }}
{%- endset -%}
{%- set changed = gather_first('changed', changed_calls) -%}
{%- set affected -%}
  with recursive calls as {{ read_in_place() }} (
    select
      call_id,
      session_id,
      phone_key,
      started_at,
      type_id in (2, 3) as is_ring
    from {{ ref('stg_bitrix24__calls') }}
  ),
  tied as (
    select calls.* from calls
    inner join {{ changed }} as changed on calls.call_id = changed.call_id
    union
    select
      legs.call_id,
      legs.session_id,
      legs.phone_key,
      legs.started_at,
      legs.direction = 'inbound' as is_ring
    from {{ this }} as legs
    inner join {{ changed }} as changed on legs.call_id = changed.call_id
    union
    select others.*
    from tied
    cross join lateral (
      select calls.* from calls
      where
        tied.is_ring
        and calls.is_ring
        and calls.phone_key = tied.phone_key
        and calls.started_at between tied.started_at - {{ ring }} and tied.started_at + {{ ring }}
      union all
      select calls.* from calls
      where calls.session_id = tied.session_id
    ) as others
  )
  select call_id from {{ changed }}
  union all
  select call_id from tied
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
        <= {{ ring }}
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
