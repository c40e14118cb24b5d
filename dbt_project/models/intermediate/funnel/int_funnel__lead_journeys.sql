{{ config(indexes=[{'columns': ['client_key', 'lead_id'], 'unique': true}]) }}

with leads as (

  select * from {{ ref('fct_leads') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

lead_closings as (

  select * from {{ ref('int_funnel__lead_closings') }}

),

openings as (

  select * from {{ ref('int_funnel__openings') }}

),

card_steps as (

  select * from {{ ref('int_funnel__card_steps') }}
  where entry_code = 'lead'

),

steps as (

  select * from {{ ref('int_funnel__steps') }}
  where entry_code = 'lead' and is_last

),

leadless_deals as (

  select * from {{ ref('int_funnel__leadless_deals') }}

),

cards as (

  select
    lead_id,
    'lead' as card_type,
    lead_id as card_id,
    created_at,
    client_key
  from leads
  union all
  select
    lead_id,
    'deal' as card_type,
    deal_id as card_id,
    created_at,
    client_key
  from deals
  where lead_id is not null

),

clients as (

  select distinct client_key from leadless_deals
  where client_key is not null

),

-- A journey is its client's from the first card that names the client.
of_clients as (

  select
    cards.lead_id,
    cards.client_key,
    min(cards.created_at) as known_from
  from cards
  inner join clients on cards.client_key = clients.client_key
  group by cards.lead_id, cards.client_key

),

wanted as (

  select distinct lead_id from of_clients

),

starts as (

  select
    cards.lead_id,
    coalesce(min(cards.created_at) filter (where cards.card_type = 'lead'), min(cards.created_at)) as started_at,
    min(cards.created_at) filter (where cards.card_type = 'deal') as first_deal_at
  from cards
  inner join wanted on cards.lead_id = wanted.lead_id
  group by cards.lead_id

),

in_process as (

  select
    cards.lead_id,
    range_agg(tstzrange(openings.opened_at, openings.closed_at)) as windows
  from cards
  inner join wanted on cards.lead_id = wanted.lead_id
  inner join openings on cards.card_type = openings.card_type and cards.card_id = openings.card_id
  group by cards.lead_id

),

converted as (

  select
    lead_closings.lead_id,
    range_agg(tstzrange(lead_closings.closed_at, lead_closings.reopened_at)) as windows
  from lead_closings
  inner join wanted on lead_closings.lead_id = wanted.lead_id
  where lead_closings.is_won
  group by lead_closings.lead_id

),

last_steps as (

  select
    cards.lead_id,
    min(card_steps.reached_at) as finished_at
  from cards
  inner join wanted on cards.lead_id = wanted.lead_id
  inner join card_steps on cards.card_type = card_steps.card_type and cards.card_id = card_steps.card_id
  inner join steps on card_steps.step_number = steps.step_number
  group by cards.lead_id

),

journeys as (

  select
    starts.lead_id,
    starts.started_at,
    coalesce(starts.first_deal_at, 'infinity') as first_deal_at,
    coalesce(last_steps.finished_at, 'infinity') as finished_at,
    coalesce(in_process.windows, '{}') as work_windows,
    coalesce(converted.windows, '{}') as converted_windows
  from starts
  left join in_process on starts.lead_id = in_process.lead_id
  left join converted on starts.lead_id = converted.lead_id
  left join last_steps on starts.lead_id = last_steps.lead_id

),

final as (

  select
    journeys.lead_id,
    'lead:' || journeys.lead_id as journey_key,
    of_clients.client_key,
    of_clients.known_from,
    journeys.started_at,
    journeys.finished_at,
    {{ before('journeys.work_windows', 'journeys.finished_at') }} as work_windows,
    {{ before(
      'journeys.work_windows + ' ~ before('journeys.converted_windows', 'journeys.first_deal_at'),
      'journeys.finished_at'
    ) }} as windows
  from journeys
  inner join of_clients on journeys.lead_id = of_clients.lead_id

)

select * from final
