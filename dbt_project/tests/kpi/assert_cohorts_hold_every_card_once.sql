{{ config(tags=['nightly']) }}
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

all_leads as (

  select * from {{ ref('fct_leads') }}

),

all_deals as (

  select * from {{ ref('fct_deals') }}

),

leads as (

  select count(*) as leads
  from all_leads
  inner join first_year on {{ local_date('all_leads.created_at') }} >= first_year.first_day

),

deals as (

  select
    count(*) filter (where all_leads.lead_id is null) as deals,
    coalesce(
      sum(all_deals.amount) filter (where all_deals.won_at is not null and all_deals.is_selling), 0
    ) as revenue
  from all_deals
  left join all_leads on all_deals.lead_id = all_leads.lead_id
  inner join first_year
    on {{ local_date('coalesce(all_leads.created_at, all_deals.created_at)') }} >= first_year.first_day

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
