{{
  config(
    indexes=[{'columns': ['call_id'], 'unique': true}]
  )
}}

with recursive calls as (

  select * from {{ ref('stg_bitrix24__calls') }}

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
    result_code = '200' and result_code is not null as is_answered,
    row_number() over (order by started_at, call_id) as leg_order
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
        then lag(call_id) over (partition by direction, session_id order by leg_order)
    end as session_leg_before,
    case
      when session_id is null then is_answered
      else bool_or(is_answered) over (partition by direction, session_id order by leg_order)
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
  window number_legs as (partition by direction, phone_key order by leg_order)

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
