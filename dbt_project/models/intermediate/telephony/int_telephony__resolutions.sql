{{
  config(
    materialized='incremental',
    pre_hook="set local work_mem = '256MB'",
    indexes=[
      {'columns': ['call_id'], 'unique': true},
      {'columns': ['first_call_id']},
      {'columns': ['resolved_call_id']},
      {'columns': ['phone_key']},
      {'columns': ['client_key']}
    ],
    meta={
      'key': 'call_id',
      'logs': ['call_id', 'first_call_id'],
      'scope': 'affected',
      'follows': ['int_telephony__calls']
    }
  )
}}
{#- The first conversation after a missed call with its number, and with its client: a lookup each. -#}
{%- set followed -%}
  select
    missed.*,
    case
      when (by_client.started_at, by_client.call_id) < (by_number.started_at, by_number.call_id) then by_client.call_id
      else coalesce(by_number.call_id, by_client.call_id)
    end as resolved_call_id,
    least(by_number.started_at, by_client.started_at) as resolved_at
  from missed
  {%- for name, key in {'by_number': 'phone_key', 'by_client': 'client_key'}.items() %}
  left join lateral (
    select
      calls.call_id,
      calls.started_at
    from (select * from {{ ref('int_telephony__calls') }}) as calls
    where
      calls.{{ key }} = missed.{{ key }}
      and calls.is_successful
      and (calls.started_at, calls.call_id) > (missed.missed_at, missed.call_id)
    order by calls.started_at, calls.call_id
    limit 1
  ) as {{ name }} on true
  {%- endfor %}
{%- endset -%}
{%- set missed_calls -%}
  select
    call_id,
    phone_key,
    client_key,
    started_at as missed_at
  from {{ ref('int_telephony__calls') }}
  where direction = 'inbound' and not is_answered and phone_key is not null
{%- endset -%}
{#-
  A call that came or changed concerns the missed ones before it, of its number and client, that nobody had talked to until then:
  those may be settled otherwise now.
-#}
{%- set moved_calls -%}
  select distinct call_id, phone_key, client_key, started_at from {{ changed_in('int_telephony__calls') }}
{%- endset -%}
{%- set moved = gather_first('moved', moved_calls) -%}
{%- set unsettled_calls -%}
  select call_id from {{ moved }}
  {%- for key in ['phone_key', 'client_key'] %}
  union
  select waiting.call_id from {{ moved }} as moved
  inner join {{ this }} as waiting
    on
      moved.{{ key }} = waiting.{{ key }}
      and moved.started_at >= waiting.missed_at
      and moved.started_at <= coalesce(waiting.resolved_at, 'infinity')
  {%- endfor %}
{%- endset -%}
{%- set unsettled = gather_first('unsettled', unsettled_calls) -%}
{#- Those before, and those now, of which some call is the first. -#}
{%- set settled_calls -%}
  with missed as (
    select calls.* from ({{ missed_calls }}) as calls
    inner join {{ unsettled }} as unsettled on calls.call_id = unsettled.call_id
  )
  select phone_key, client_key, resolved_call_id from ({{ followed }}) as followed
  union
  select was.phone_key, was.client_key, was.resolved_call_id from {{ this }} as was
  inner join {{ unsettled }} as unsettled on was.call_id = unsettled.call_id
{%- endset -%}
{%- set settled = gather_first('settled', settled_calls) -%}
{#- Those that one conversation settled belong together, and open ones that numbers and clients tie, even by others. -#}
{%- set affected -%}
  with recursive tied as (
    select ends.kind, ends.value
    from {{ settled }} as settled
    cross join lateral (values ('number', settled.phone_key), ('client', settled.client_key)) as ends (kind, value)
    where settled.resolved_call_id is null and ends.value is not null
    union
    select others.kind, others.value
    from tied
    cross join lateral (
      select 'client' as kind, waiting.client_key as value
      from {{ this }} as waiting
      where
        tied.kind = 'number'
        and waiting.phone_key = tied.value
        and waiting.resolved_call_id is null
        and waiting.client_key is not null
      union all
      select 'number' as kind, waiting.phone_key as value
      from {{ this }} as waiting
      where tied.kind = 'client' and waiting.client_key = tied.value and waiting.resolved_call_id is null
    ) as others
  )
  select call_id from {{ unsettled }}
  union all
  select waiting.call_id from {{ settled }} as settled
  inner join {{ this }} as waiting on settled.resolved_call_id = waiting.resolved_call_id
  union all
  select waiting.call_id from tied
  inner join {{ this }} as waiting
    on tied.kind = 'number' and tied.value = waiting.phone_key and waiting.resolved_call_id is null
  union all
  select waiting.call_id from tied
  inner join {{ this }} as waiting
    on tied.kind = 'client' and tied.value = waiting.client_key and waiting.resolved_call_id is null
{%- endset -%}
{{ gather_affected(affected) }}
with recursive missed as (

  {{ missed_calls | indent(2) }}
  {{ affected_only('call_id', 'and') }}

),

followed as (

  {{ followed | indent(2) }}

),

settled as (

  select
    *,
    row_number() over (order by missed_at, call_id) as position
  from followed

),

-- Calls still open belong to the first one of the same number or client, and so on up to one that has none before it.
open_calls as (

  select
    position,
    least(
      min(position) over (partition by phone_key),
      case when client_key is not null then min(position) over (partition by client_key) end
    ) as earlier_position
  from settled
  where resolved_call_id is null

),

roots as (

  select
    position,
    position as first_position
  from open_calls
  where earlier_position = position
  union all
  select
    open_calls.position,
    roots.first_position
  from roots
  inner join open_calls
    on roots.position = open_calls.earlier_position and roots.position <> open_calls.position

),

-- Calls settled by the same conversation belong to the first of them.
grouped as (

  select
    settled.*,
    case
      when settled.resolved_call_id is null then roots.first_position
      else min(settled.position) over (partition by settled.resolved_call_id)
    end as first_position
  from settled
  left join roots on settled.position = roots.position

),

final as (

  select
    grouped.call_id,
    grouped.phone_key,
    grouped.client_key,
    grouped.missed_at,
    firsts.call_id as first_call_id,
    grouped.resolved_call_id,
    grouped.resolved_at
  from grouped
  inner join settled as firsts on grouped.first_position = firsts.position

)

select * from final
