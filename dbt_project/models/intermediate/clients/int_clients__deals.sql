{{ config(tags=['nightly'], indexes=[{'columns': ['client_key'], 'unique': true}]) }}

with deals as (

  select * from {{ ref('fct_deals') }}
  where client_key is not null

),

leads as (

  select * from {{ ref('fct_leads') }}
  where client_key is not null

),

judged as (

  select
    *,
    semantic = 'process' as is_open,
    is_selling and won_at is not null as is_win,
    is_selling
    and won_at is not null
    and {{ days_since('won_at') }} < {{ client_days('abc_days') }} as is_win_of_year
  from deals

),

deal_totals as (

  select
    client_key,
    count(*) as deals,
    count(*) filter (where is_open) as open_deals,
    coalesce(sum(amount) filter (where is_open), 0) as open_amount,
    count(*) filter (where is_win) as won_deals,
    coalesce(sum(amount) filter (where is_win), 0) as revenue,
    count(*) filter (where is_win_of_year) as won_deals_year,
    coalesce(sum(amount) filter (where is_win_of_year), 0) as revenue_year,
    min(won_at) filter (where is_win) as first_won_at,
    max(won_at) filter (where is_win) as last_won_at
  from judged
  group by client_key

),

lead_totals as (

  select
    client_key,
    count(*) as leads
  from leads
  group by client_key

),

-- Companies have no source of their own: that of the first card that brought the client stands in.
sources as (

  select
    client_key,
    created_at,
    source_id
  from deals
  where source_id <> ''
  union all
  select
    client_key,
    created_at,
    source_id
  from leads
  where source_id <> ''

),

first_sources as (

  select distinct on (client_key)
    client_key,
    source_id
  from sources
  order by client_key asc, created_at asc, source_id asc

),

final as (

  select
    coalesce(deal_totals.client_key, lead_totals.client_key) as client_key,
    coalesce(lead_totals.leads, 0) as leads,
    coalesce(deal_totals.deals, 0) as deals,
    coalesce(deal_totals.open_deals, 0) as open_deals,
    coalesce(deal_totals.open_amount, 0) as open_amount,
    coalesce(deal_totals.won_deals, 0) as won_deals,
    coalesce(deal_totals.revenue, 0) as revenue,
    coalesce(deal_totals.won_deals_year, 0) as won_deals_year,
    coalesce(deal_totals.revenue_year, 0) as revenue_year,
    deal_totals.first_won_at,
    deal_totals.last_won_at,
    coalesce(first_sources.source_id, '') as first_source_id
  from deal_totals
  full outer join lead_totals on deal_totals.client_key = lead_totals.client_key
  left join first_sources on coalesce(deal_totals.client_key, lead_totals.client_key) = first_sources.client_key

)

select * from final
