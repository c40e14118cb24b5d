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
    *,
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

attempts as (

  select
    chains.attempt_id as call_id,
    min(linked.direction) as direction,
    min(linked.started_at) as started_at,
    bool_or(linked.is_answered) as is_answered,
    coalesce(sum(linked.duration_seconds) filter (where linked.is_answered), 0) as talk_seconds,
    count(*) as legs_count,
    -- Answered: by the first who did. Missed: by the last who rang.
    (array_agg(linked.manager_id order by linked.leg_order) filter (where linked.is_answered))[1] as answered_by,
    (array_agg(linked.manager_id order by linked.leg_order desc) filter (where linked.manager_id is not null))[1]
      as rang_last,
    (array_agg(linked.result_code order by linked.leg_order desc))[1] as last_code,
    (array_agg(linked.phone_key order by linked.leg_order) filter (where linked.phone_key is not null))[1]
      as phone_key,
    (
      array_agg(
        linked.crm_entity_type || ':' || linked.crm_entity_id order by linked.is_answered desc, linked.leg_order desc
      )
      filter (where linked.crm_entity_type in ('lead', 'contact', 'company') and linked.crm_entity_id is not null)
    )[1] as crm_entity
  from chains
  inner join linked on chains.call_id = linked.call_id
  group by chains.attempt_id

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
