with lines as (

  select * from {{ ref('int_kpi__spend_lines') }}

),

uploads as (

  select * from {{ ref('int_inputs__uploads') }}
  where input = 'ad_spend' and is_counting

),

-- one row; null where no upload counts, as the lines of files have it
counting as (

  select max(version) as version
  from uploads

),

periods as (

  select * from {{ ref('dim_periods') }}

),

months as (

  select
    period_start as month_start,
    period_end as month_end
  from periods
  where period_grain = 'Месяц'

),

-- An upload that counts takes the place of the files.
plans as (

  select
    lines.channel,
    lines.from_month,
    lines.to_month,
    lines.amount_per_month
  from lines
  cross join counting
  where lines.problem is null and lines.upload_version is not distinct from counting.version

),

by_month as (

  select
    plans.channel,
    months.month_start,
    months.month_end,
    sum(plans.amount_per_month) as amount
  from plans
  inner join months
    on
      plans.from_month <= months.month_start
      and plans.to_month >= months.month_start
  group by plans.channel, months.month_start, months.month_end

),

-- A month's spend is spread evenly over its days; days that have not come cost nothing yet.
shares as (

  select
    periods.period_grain,
    periods.period_start,
    by_month.channel,
    by_month.amount,
    by_month.month_end - by_month.month_start as days_of_month,
    least(periods.period_end, by_month.month_end, {{ as_of_date() }} + 1)
    - greatest(periods.period_start, by_month.month_start) as days_shared
  from periods
  inner join by_month
    on
      periods.period_start < by_month.month_end
      and periods.period_end > by_month.month_start

),

final as (

  select
    period_grain,
    period_start,
    channel,
    round(sum(amount * days_shared / days_of_month), 2) as spend
  from shares
  where days_shared > 0
  group by period_grain, period_start, channel

)

select * from final
