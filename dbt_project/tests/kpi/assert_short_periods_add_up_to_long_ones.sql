-- Days add up to weeks and months, months to quarters and years, in every period that its parts cover.
with periods as (

  select * from {{ ref('dim_periods') }}

),

pairs as (

  select
    long_period.period_grain as long_grain,
    long_period.period_start as long_start,
    part.period_grain as part_grain,
    part.period_start as part_start
  from periods as long_period
  inner join periods as part
    on
      long_period.period_start <= part.period_start
      and long_period.period_end > part.period_start
      and (
        (long_period.period_grain in ('Неделя', 'Месяц') and part.period_grain = 'День')
        or (long_period.period_grain in ('Квартал', 'Год') and part.period_grain = 'Месяц')
      )

),

-- days are kept for some months only: a long period counts when its first day is among them
covered as (

  select
    long_grain,
    long_start
  from pairs
  where part_grain = 'Месяц' or part_start = long_start
  group by long_grain, long_start

),

sums as (

  select
    period_grain,
    period_start,
    metric_code,
    sum(value) as value
  from {{ ref('mart_kpi__period') }}
  group by period_grain, period_start, metric_code

),

added as (

  select
    pairs.long_grain,
    pairs.long_start,
    sums.metric_code,
    sum(sums.value) as value
  from pairs
  inner join covered on pairs.long_grain = covered.long_grain and pairs.long_start = covered.long_start
  inner join sums on pairs.part_grain = sums.period_grain and pairs.part_start = sums.period_start
  group by pairs.long_grain, pairs.long_start, sums.metric_code

),

whole as (

  select
    sums.period_grain as long_grain,
    sums.period_start as long_start,
    sums.metric_code,
    sums.value
  from sums
  inner join covered on sums.period_grain = covered.long_grain and sums.period_start = covered.long_start

)

select
  whole.*,
  added.value as value_of_parts
from whole
full join added using (long_grain, long_start, metric_code)
where coalesce(whole.value, 0) <> coalesce(added.value, 0)
