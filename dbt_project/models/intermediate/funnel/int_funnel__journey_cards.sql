{{
  config(
    indexes=[
      {'columns': ['card_type', 'card_id'], 'unique': true},
      {'columns': ['journey_key']},
    ]
  )
}}

with leads as (

  select * from {{ ref('fct_leads') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

leadless_deals as (

  select * from {{ ref('int_funnel__leadless_deals') }}

),

joins as (

  select * from {{ ref('int_funnel__joins') }}

),

final as (

  select
    'lead:' || lead_id as journey_key,
    'lead' as entry_code,
    'lead' as card_type,
    lead_id as card_id
  from leads
  union all
  select
    'lead:' || lead_id as journey_key,
    'lead' as entry_code,
    'deal' as card_type,
    deal_id as card_id
  from deals
  where lead_id is not null
  union all
  select
    journey_key,
    entry_code,
    'deal' as card_type,
    deal_id as card_id
  from joins
  union all
  -- nobody's deals join nothing
  select
    'deal:' || deal_id as journey_key,
    own_entry_code as entry_code,
    'deal' as card_type,
    deal_id as card_id
  from leadless_deals
  where client_key is null

)

select * from final
