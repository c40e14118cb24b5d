{{ config(indexes=[{'columns': ['card_type', 'card_id', 'opened_at'], 'unique': true}]) }}

with leads as (

  select * from {{ ref('fct_leads') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

lead_closings as (

  select * from {{ ref('int_funnel__lead_closings') }}

),

deal_closings as (

  select * from {{ ref('int_pipeline__closings') }}

),

cards as (

  select
    'lead' as card_type,
    lead_id as card_id,
    created_at
  from leads
  union all
  select
    'deal' as card_type,
    deal_id as card_id,
    created_at
  from deals

),

closings as (

  select
    'lead' as card_type,
    lead_id as card_id,
    closed_at,
    reopened_at
  from lead_closings
  union all
  select
    'deal' as card_type,
    deal_id as card_id,
    closed_at,
    reopened_at
  from deal_closings

),

-- A card is in process from its creation, and from each reopening, until it is closed.
until_closed as (

  select
    cards.card_type,
    cards.card_id,
    greatest(
      lag(coalesce(closings.reopened_at, 'infinity')) over (
        partition by cards.card_type, cards.card_id order by closings.closed_at
      ),
      cards.created_at
    ) as opened_at,
    closings.closed_at
  from cards
  inner join closings on cards.card_type = closings.card_type and cards.card_id = closings.card_id

),

until_now as (

  select
    cards.card_type,
    cards.card_id,
    greatest(max(closings.reopened_at), cards.created_at) as opened_at,
    cast(null as timestamptz) as closed_at
  from cards
  left join closings on cards.card_type = closings.card_type and cards.card_id = closings.card_id
  group by cards.card_type, cards.card_id, cards.created_at
  having count(closings.card_id) = count(closings.reopened_at)

),

final as (

  select * from until_closed
  where closed_at > opened_at
  union all
  select * from until_now

)

select * from final
