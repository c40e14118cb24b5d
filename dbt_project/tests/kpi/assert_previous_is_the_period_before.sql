-- What a period compares itself with is what the other period says of itself; «to date» is never more than the whole.
with periods as (

  select * from {{ ref('dim_periods') }}

),

sums as (

  select
    period_grain,
    period_start,
    metric_code,
    unit,
    sum(value) as value,
    sum(previous_value) as previous_value,
    sum(previous_to_date_value) as previous_to_date_value,
    sum(year_ago_value) as year_ago_value,
    sum(year_ago_to_date_value) as year_ago_to_date_value
  from {{ ref('mart_kpi__period') }}
  group by period_grain, period_start, metric_code, unit

),

compared as (

  select
    sums.*,
    previous.period_start as previous_start,
    year_ago.period_start as year_ago_start,
    coalesce(sums_before.value, 0) as value_before,
    coalesce(sums_year_ago.value, 0) as value_year_ago
  from sums
  inner join periods on sums.period_grain = periods.period_grain and sums.period_start = periods.period_start
  left join periods as previous
    on periods.period_grain = previous.period_grain and periods.previous_start = previous.period_start
  left join periods as year_ago
    on periods.period_grain = year_ago.period_grain and periods.year_ago_start = year_ago.period_start
  left join sums as sums_before
    on
      previous.period_grain = sums_before.period_grain
      and previous.period_start = sums_before.period_start
      and sums.metric_code = sums_before.metric_code
  left join sums as sums_year_ago
    on
      year_ago.period_grain = sums_year_ago.period_grain
      and year_ago.period_start = sums_year_ago.period_start
      and sums.metric_code = sums_year_ago.metric_code

)

select *
from compared
where
  (previous_start is not null and previous_value <> value_before)
  or (year_ago_start is not null and year_ago_value <> value_year_ago)
  or (unit = 'count' and previous_to_date_value > previous_value)
  or (unit = 'count' and year_ago_to_date_value > year_ago_value)
