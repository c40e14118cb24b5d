-- Each lead and each deal is of exactly one journey (of one at most, says the index of int_funnel__journey_cards);
-- journeys are the leads, the deleted ones that deals still name, and the deals without a lead that joined none; and
-- they bring all the revenue there is.
with journeys as (

  select * from {{ ref('fct_journeys') }}

),

journey_cards as (

  select * from {{ ref('int_funnel__journey_cards') }}

),

leads as (

  select * from {{ ref('fct_leads') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

joins as (

  select * from {{ ref('int_funnel__joins') }}

),

found as (

  select
    count(*) filter (where entry_code = 'lead') as journeys_of_leads,
    count(*) filter (where entry_code <> 'lead') as journeys_of_deals,
    coalesce(sum(revenue), 0) as revenue
  from journeys

),

of_leads as (

  select count(*) as leads
  from leads

),

of_deals as (

  select
    count(*) as deals,
    count(*) filter (where deals.lead_id is null) as leadless,
    count(distinct deals.lead_id) filter (where leads.lead_id is null) as gone_leads,
    coalesce(sum(deals.amount) filter (where deals.won_at is not null and deals.is_selling), 0) as revenue
  from deals
  left join leads on deals.lead_id = leads.lead_id

),

of_cards as (

  select count(*) as cards
  from journey_cards

),

joined as (

  select count(*) as deals
  from joins
  where journey_key <> 'deal:' || deal_id

)

select
  found.*,
  of_leads.*,
  of_deals.*,
  of_cards.*,
  joined.deals as joined_deals
from found
cross join of_leads
cross join of_deals
cross join of_cards
cross join joined
where
  of_cards.cards <> of_leads.leads + of_deals.deals
  or found.journeys_of_leads <> of_leads.leads + of_deals.gone_leads
  or found.journeys_of_deals <> of_deals.leadless - joined.deals
  or found.revenue <> of_deals.revenue
