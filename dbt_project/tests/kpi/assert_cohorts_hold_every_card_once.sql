-- Over all years the cohorts are every lead and every deal without a known lead, with all the revenue there is.
with cohorts as (

  select
    coalesce(sum(cohort_leads), 0) as members,
    coalesce(sum(cohort_revenue), 0) as revenue
  from {{ ref('mart_kpi__channel_economics') }}
  where period_grain = 'Год'

),

-- cards dated before the first period kept (variable period_years) are in no period
first_year as (

  select min(period_start) as first_day
  from {{ ref('dim_periods') }}
  where period_grain = 'Год'

),

leads as (

  select count(*) as leads
  from {{ ref('fct_leads') }} as lead
  inner join first_year on {{ local_date('lead.created_at') }} >= first_year.first_day

),

deals as (

  select
    count(*) filter (where lead.lead_id is null) as deals,
    coalesce(sum(deal.amount) filter (where deal.won_at is not null and deal.is_selling), 0) as revenue
  from {{ ref('fct_deals') }} as deal
  left join {{ ref('fct_leads') }} as lead on deal.lead_id = lead.lead_id
  inner join first_year
    on {{ local_date('coalesce(lead.created_at, deal.created_at)') }} >= first_year.first_day

)

select
  cohorts.members,
  cohorts.revenue,
  leads.leads + deals.deals as expected_members,
  deals.revenue as expected_revenue
from cohorts
cross join leads
cross join deals
where
  cohorts.members <> leads.leads + deals.deals
  or cohorts.revenue <> deals.revenue
