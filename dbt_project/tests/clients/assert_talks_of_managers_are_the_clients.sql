{{ config(tags=['nightly']) }}
-- The last talk with a client is the last of the talks that its managers had with it, and calls add up.
with base as (

  select * from {{ ref('mart_clients__base') }}

),

manager_calls as (

  select
    client_key,
    sum(calls) as calls,
    max(last_call_local) as last_call_local,
    max(last_attempt_local) as last_attempt_local,
    min(days_since_call) as days_since_call
  from {{ ref('mart_clients__manager_calls') }}
  group by client_key

)

select base.client_key
from base
left join manager_calls on base.client_key = manager_calls.client_key
where
  base.calls <> coalesce(manager_calls.calls, 0)
  or base.last_call_local is distinct from manager_calls.last_call_local
  or base.last_attempt_local is distinct from manager_calls.last_attempt_local
  or base.days_since_call is distinct from manager_calls.days_since_call
