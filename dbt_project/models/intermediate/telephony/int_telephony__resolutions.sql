{{
  config(
    materialized='incremental',
    pre_hook="set local work_mem = '256MB'",
    indexes=[
      {'columns': ['call_id'], 'unique': true},
      {'columns': ['first_call_id']}
    ],
    meta={
      'key': 'call_id',
      'logs': ['call_id', 'first_call_id'],
      'scope': 'affected',
      'follows': ['int_telephony__calls']
    }
  )
}}
{#- Numbers and clients that calls tie together, directly or through one another, are settled together. -#}
{%- set tied_ends -%}
  with recursive tied as (
    select ends.kind, ends.value
    from {{ changed_in('int_telephony__calls') }}
    cross join lateral (values ('number', changes.phone_key), ('client', changes.client_key)) as ends (kind, value)
    where ends.value is not null
    union
    select others.kind, others.value
    from tied
    cross join lateral (
      select 'client' as kind, calls.client_key as value
      from (select * from {{ ref('int_telephony__calls') }}) as calls
      where tied.kind = 'number' and calls.phone_key = tied.value and calls.client_key is not null
      union all
      select 'number' as kind, calls.phone_key as value
      from (select * from {{ ref('int_telephony__calls') }}) as calls
      where tied.kind = 'client' and calls.client_key = tied.value and calls.phone_key is not null
    ) as others
  )
  select kind, value from tied
{%- endset -%}
{%- set tied = gather_first('tied', tied_ends) -%}
{%- set affected -%}
  select call_id from {{ changed_in('int_telephony__calls') }}
  union all
  select calls.call_id from (select * from {{ ref('int_telephony__calls') }}) as calls
  inner join {{ tied }} as tied on tied.kind = 'number' and calls.phone_key = tied.value
  union all
  select calls.call_id from (select * from {{ ref('int_telephony__calls') }}) as calls
  inner join {{ tied }} as tied on tied.kind = 'client' and calls.client_key = tied.value
{%- endset -%}
{{ gather_affected(affected) }}
with recursive calls as (

  select * from {{ ref('int_telephony__calls') }}
  {{ affected_only('call_id') }}

),

missed as (

  select
    call_id,
    phone_key,
    client_key
  from calls
  where direction = 'inbound' and not is_answered and phone_key is not null

),

missed_numbers as (

  select distinct phone_key
  from missed

),

missed_clients as (

  select distinct client_key
  from missed
  where client_key is not null

),

-- Missed calls, and the conversations that may have settled them, in the order of time.
events as (

  select
    calls.call_id,
    calls.phone_key,
    calls.client_key,
    calls.is_successful,
    row_number() over (order by calls.started_at, calls.call_id) as position
  from calls
  left join missed_numbers on calls.phone_key = missed_numbers.phone_key
  left join missed_clients on calls.client_key = missed_clients.client_key
  where
    (calls.direction = 'inbound' and not calls.is_answered and calls.phone_key is not null)
    or (
      calls.is_successful
      and (missed_numbers.phone_key is not null or missed_clients.client_key is not null)
    )

),

-- The next conversation with the same number, and with the same client. Read backwards, the frame only ever grows.
followed as (

  select
    *,
    case
      when phone_key is not null
        then min(position) filter (where is_successful) over number_backwards
    end as number_reached_at,
    case
      when client_key is not null
        then min(position) filter (where is_successful) over client_backwards
    end as client_reached_at
  from events
  window
    number_backwards as (
      partition by phone_key order by position desc rows between unbounded preceding and 1 preceding
    ),
    client_backwards as (
      partition by client_key order by position desc rows between unbounded preceding and 1 preceding
    )

),

settled as (

  select
    call_id,
    phone_key,
    client_key,
    position,
    least(number_reached_at, client_reached_at) as reached_at
  from followed
  where not is_successful

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
  where reached_at is null

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
    settled.call_id,
    settled.reached_at,
    case
      when settled.reached_at is null then roots.first_position
      else min(settled.position) over (partition by settled.reached_at)
    end as first_position
  from settled
  left join roots on settled.position = roots.position

),

final as (

  select
    grouped.call_id,
    firsts.call_id as first_call_id,
    conversations.call_id as resolved_call_id
  from grouped
  inner join events as firsts on grouped.first_position = firsts.position
  left join events as conversations on grouped.reached_at = conversations.position

)

select * from final
