-- What forecasts are graded by and what win rates are made of is what the ledger counts, month by month.
with wins as (

  select
    period_start,
    sum(deals_won) as deals_won,
    sum(deals_lost) as deals_lost,
    sum(amount_won) as amount_won,
    sum(cohort_deals) as cohort_deals
  from {{ ref('mart_pipeline__win_rate') }}
  where period_grain = 'Месяц'
  group by period_start

),

grades as (

  select
    month_start as period_start,
    sum(won_deals) as won_deals,
    sum(won_amount) as won_amount
  from {{ ref('mart_pipeline__forecast_backtest') }}
  where months_ahead = 0
  group by month_start

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

period_values as (

  select * from {{ ref('mart_kpi__period') }}

),

ledger as (

  select
    period_values.period_start,
    coalesce(sum(period_values.value) filter (where period_values.metric_code = 'deals_won'), 0) as deals_won,
    coalesce(sum(period_values.value) filter (where period_values.metric_code = 'deals_lost'), 0) as deals_lost,
    coalesce(sum(period_values.value) filter (where period_values.metric_code = 'revenue_won'), 0) as amount_won,
    coalesce(
      sum(period_values.value) filter (where period_values.metric_code = 'deals_created' and pipelines.is_selling), 0
    ) as cohort_deals
  from period_values
  left join pipelines on period_values.pipeline = pipelines.pipeline
  where period_values.period_grain = 'Месяц'
  group by period_values.period_start

)

select
  ledger.period_start,
  'win rate' as what
from ledger
left join wins on ledger.period_start = wins.period_start
where
  ledger.deals_won <> coalesce(wins.deals_won, 0)
  or ledger.deals_lost <> coalesce(wins.deals_lost, 0)
  or abs(ledger.amount_won - coalesce(wins.amount_won, 0)) > 0.01
  or ledger.cohort_deals <> coalesce(wins.cohort_deals, 0)
union all
select
  ledger.period_start,
  'grades' as what
from grades
inner join ledger on grades.period_start = ledger.period_start
where
  ledger.deals_won <> grades.won_deals
  or abs(ledger.amount_won - grades.won_amount) > 0.01
