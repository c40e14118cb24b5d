{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['client_key'], 'unique': true}],
    meta={
      'key': 'client_key',
      'logs': [],
      'scope': 'affected',
      'follows': ['int_recency__card_touches', 'int_clients__card_clients', 'fct_deals', 'fct_leads']
    }
  )
}}
{#-
  A card concerns the client that it is of, and was of; a card that the portal does not return is a client by its id.
-#}
{%- set affected -%}
  with touched as (
    select card_type, card_id from {{ changed_in('int_recency__card_touches') }}
  )
  select cards.client_key from (select * from {{ ref('int_clients__card_clients') }}) as cards
  inner join touched on cards.card_type = touched.card_type and cards.card_id = touched.card_id
  union all
  select card_type || ':' || card_id as client_key from touched
  where card_type in ('company', 'contact')
  union all
  select client_key from {{ changed_in('int_clients__card_clients') }}
  union all
  select card_type || ':' || card_id as client_key from {{ changed_in('int_clients__card_clients') }}
  union all
  select deals.client_key from (select * from {{ ref('fct_deals') }}) as deals
  inner join touched on touched.card_type = 'deal' and deals.deal_id = touched.card_id
  union all
  select leads.client_key from (select * from {{ ref('fct_leads') }}) as leads
  inner join touched on touched.card_type = 'lead' and leads.lead_id = touched.card_id
  union all
  select client_key from {{ changed_in('fct_deals') }}
  union all
  select client_key from {{ changed_in('fct_leads') }}
{%- endset -%}
{{ gather_affected(affected) }}
{%- set of_affected_clients -%}
  {%- if is_kept_up() -%}
    and (card_touches.card_type, card_touches.card_id) in (
      select
        split_part(client_key, ':', 1),
        cast(split_part(client_key, ':', 2) as bigint)
      from {{ affected_keys() }}
    )
  {%- endif -%}
{%- endset -%}
with card_touches as {{ read_in_place() }} (

  select * from {{ ref('int_recency__card_touches') }}

),

card_clients as {{ read_in_place() }} (

  select * from {{ ref('int_clients__card_clients') }}

),

deals as (

  select * from {{ ref('fct_deals') }}
  {{ affected_only('client_key') }}

),

leads as (

  select * from {{ ref('fct_leads') }}
  {{ affected_only('client_key') }}

),

own_cards as (

  select
    card_type,
    card_id,
    client_key,
    true as is_own
  from card_clients
  {{ affected_only('client_key') }}

),

-- Cards that the portal does not return are clients by their id.
strangers as (

  select
    card_touches.card_type,
    card_touches.card_id,
    card_touches.card_type || ':' || card_touches.card_id as client_key,
    true as is_own
  from card_touches
  left join card_clients
    on card_touches.card_type = card_clients.card_type and card_touches.card_id = card_clients.card_id
  where
    card_touches.card_type in ('contact', 'company')
    and card_clients.card_id is null {{ of_affected_clients }}

),

cards as (

  select * from own_cards
  union all
  select * from strangers
  union all
  select
    'deal' as card_type,
    deal_id as card_id,
    client_key,
    false as is_own
  from deals
  union all
  select
    'lead' as card_type,
    lead_id as card_id,
    client_key,
    false as is_own
  from leads

),

touches as (

  select
    cards.client_key,
    cards.is_own,
    card_touches.last_call_at,
    card_touches.last_activity_at,
    card_touches.next_step_at,
    {{ dated_step('card_touches.next_step_at', 'card_touches.next_activity_id') }} as next_step
  from cards
  inner join card_touches on cards.card_type = card_touches.card_type and cards.card_id = card_touches.card_id
  where cards.client_key is not null

),

-- What is done and planned in deals and leads is done and planned with their clients; calls are to their own cards.
final as (

  select
    client_key,
    max(last_call_at) filter (where is_own) as last_call_at,
    max(last_activity_at) filter (where is_own) as last_own_activity_at,
    min(next_step_at) filter (where is_own) as next_own_step_at,
    (min(next_step) filter (where is_own))[2] as next_own_activity_id,
    max(last_activity_at) as last_activity_at,
    min(next_step_at) as next_step_at,
    (min(next_step))[2] as next_activity_id
  from touches
  group by client_key

)

select * from final
