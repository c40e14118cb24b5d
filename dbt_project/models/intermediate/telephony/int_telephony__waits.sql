{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['first_call_id'], 'unique': true}],
    meta={
      'key': 'first_call_id',
      'scope': 'affected',
      'follows': ['int_telephony__calls', 'int_telephony__resolutions'],
      'watches': ['dim_calendar']
    }
  )
}}
{#- A call concerns waits of its number and client that had not ended before it; who still waits, waits longer. -#}
{%- set moved_calls -%}
  select distinct phone_key, client_key, started_at from {{ changed_in('int_telephony__calls') }}
{%- endset -%}
{%- set moved = gather_first('moved', moved_calls) -%}
{%- set affected -%}
  select first_call_id from {{ changed_in('int_telephony__resolutions') }}
  {%- for key in ['phone_key', 'client_key'] %}
  union all
  select resolutions.first_call_id
  from {{ moved }} as moved
  inner join (select * from {{ ref('int_telephony__resolutions') }}) as resolutions
    on
      moved.{{ key }} = resolutions.{{ key }}
      and moved.started_at <= coalesce(resolutions.resolved_at, 'infinity')
  {%- endfor %}
  union all
  select first_call_id from {{ this }}
  where resolution = 'open'
{%- endset -%}
{{ gather_affected(affected) }}
with calls as {{ read_in_place() }} (

  select * from {{ ref('int_telephony__calls') }}

),

resolutions as (

  select * from {{ ref('int_telephony__resolutions') }}
  {{ affected_only('first_call_id') }}

),

calendar as (

  select * from {{ ref('dim_calendar') }}

),

waits as (

  select
    first_call_id,
    resolved_call_id,
    count(*) as missed_count,
    min(missed_at) as first_missed_at,
    max(missed_at) as last_missed_at,
    (array_agg(client_key order by missed_at desc, call_id desc) filter (where client_key is not null))[1]
      as client_key
  from resolutions
  group by first_call_id, resolved_call_id

),

ended as (

  select
    waits.*,
    case
      when conversations.call_id is null then 'open'
      when conversations.direction = 'inbound' then 'client_reached_us'
      else 'called_back'
    end as resolution,
    conversations.started_at as resolved_at,
    conversations.manager_id as resolved_by_id,
    coalesce(conversations.started_at, {{ as_of() }}) as waited_until
  from waits
  left join calls as conversations on waits.resolved_call_id = conversations.call_id

),

-- Every number and client that the missed calls of a wait came from.
numbers as (

  select distinct
    first_call_id,
    phone_key
  from resolutions

),

clients as (

  select distinct
    first_call_id,
    client_key
  from resolutions
  where client_key is not null

),

dials as {{ read_in_place() }} (

  select
    call_id,
    started_at,
    phone_key,
    client_key
  from calls
  where direction in ('outbound', 'callback') and not is_successful

),

dialled as (

  select
    ended.first_call_id,
    dials.call_id
  from ended
  inner join numbers on ended.first_call_id = numbers.first_call_id
  inner join dials
    on
      numbers.phone_key = dials.phone_key
      and ended.first_missed_at < dials.started_at
      and ended.waited_until > dials.started_at
  union
  select
    ended.first_call_id,
    dials.call_id
  from ended
  inner join clients on ended.first_call_id = clients.first_call_id
  inner join dials
    on
      clients.client_key = dials.client_key
      and ended.first_missed_at < dials.started_at
      and ended.waited_until > dials.started_at

),

attempts as (

  select
    first_call_id,
    count(*) as attempts_count
  from dialled
  group by first_call_id

),

measured as (

  select
    ended.*,
    coalesce(attempts.attempts_count, 0) as attempts_count,
    extract(epoch from ended.waited_until - ended.first_missed_at) as waiting_seconds,
    {{ working_seconds_between(
      'missed_day', 'ended.first_missed_at', 'settled_day', 'ended.waited_until'
    ) | indent(4) }} as working_seconds
  from ended
  left join attempts on ended.first_call_id = attempts.first_call_id
  inner join calendar as missed_day
    on {{ local_date('ended.first_missed_at') }} = missed_day.day
  inner join calendar as settled_day
    on {{ local_date('ended.waited_until') }} = settled_day.day

),

final as (

  select
    first_call_id,
    client_key,
    first_missed_at,
    last_missed_at,
    cast(missed_count as integer) as missed_count,
    cast(attempts_count as integer) as attempts_count,
    resolution,
    resolved_call_id,
    resolved_at,
    resolved_by_id,
    cast(waiting_seconds as bigint) as waiting_seconds,
    cast(working_seconds as bigint) as working_seconds,
    working_seconds <= {{ var('callback_norm_minutes') }} * 60 as is_within_norm
  from measured

)

select * from final
