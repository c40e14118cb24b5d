-- Channels cost and bring on dashboard 5 what they do on dashboard 1, and every journey begins in one of them.
with funnel_channels as (

  select * from {{ ref('mart_funnel__channels') }}

),

economics as (

  select * from {{ ref('mart_kpi__channel_economics') }}

),

journeys as (

  select * from {{ ref('fct_journeys') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

shown as (

  select
    period_grain,
    period_start,
    manager,
    channel,
    sum(cohort_leads) as cohort_leads,
    sum(cohort_revenue) as cohort_revenue,
    coalesce(sum(spend), 0) as spend,
    sum(spend_known_leads) as spend_known_leads,
    sum(spend_known_revenue) as spend_known_revenue
  from funnel_channels
  group by period_grain, period_start, manager, channel

),

expected as (

  select
    period_grain,
    period_start,
    manager,
    channel,
    sum(cohort_leads) as cohort_leads,
    sum(cohort_revenue) as cohort_revenue,
    coalesce(sum(spend), 0) as spend,
    sum(spend_known_leads) as spend_known_leads,
    sum(spend_known_revenue) as spend_known_revenue
  from economics
  group by period_grain, period_start, manager, channel

),

started as (

  select
    periods.period_grain,
    periods.period_start,
    count(*) as journeys
  from journeys
  inner join periods
    on
      journeys.started_date >= periods.period_start
      and journeys.started_date < periods.period_end
  group by periods.period_grain, periods.period_start

),

beginnings as (

  select
    period_grain,
    period_start,
    sum(journeys) as journeys
  from funnel_channels
  group by period_grain, period_start
  having sum(journeys) > 0

)

select
  'economics' as what,
  period_grain,
  period_start,
  channel
from shown
full join expected using (period_grain, period_start, manager, channel)
where
  coalesce(shown.cohort_leads, 0) <> coalesce(expected.cohort_leads, 0)
  or coalesce(shown.cohort_revenue, 0) <> coalesce(expected.cohort_revenue, 0)
  or coalesce(shown.spend, 0) <> coalesce(expected.spend, 0)
  or coalesce(shown.spend_known_leads, 0) <> coalesce(expected.spend_known_leads, 0)
  or coalesce(shown.spend_known_revenue, 0) <> coalesce(expected.spend_known_revenue, 0)
union all
select
  'journeys' as what,
  period_grain,
  period_start,
  null as channel
from started
full join beginnings using (period_grain, period_start)
where coalesce(started.journeys, 0) <> coalesce(beginnings.journeys, 0)
