with attained as (

  select * from {{ ref('mart_plan_fact__attainment') }}
  where period_grain = 'Месяц'

),

rating as (

  select * from {{ ref('mart_kpi__manager_rating') }}
  where period_grain = 'Месяц' and rank_rating is not null

),

baselines as (

  select * from {{ ref('mart_kpi__norm_baseline') }}
  where manager_id is not null

),

metrics as (

  select * from {{ ref('dim_metrics') }}

),

periods as (

  select * from {{ ref('dim_periods') }}
  where period_grain = 'Месяц'

),

managers as (

  select * from {{ ref('dim_managers') }}

),

-- Those on top of dashboard 1 also where they never happened: of a portal without telephony nobody ever called.
shown_metrics as (

  select metric_code from attained
  union
  select metric_code from metrics
  where on_dashboard_1

),

-- Whoever is ranked has a line for every metric: who missed no call is the best at it, and who made none the last.
ranked_lines as (

  select
    rating.period_start,
    rating.manager_id,
    rating.deals_won,
    rating.rank_rating,
    shown_metrics.metric_code
  from rating
  cross join shown_metrics

),

joined as (

  select
    coalesce(attained.period_start, ranked_lines.period_start) as period_start,
    coalesce(attained.metric_code, ranked_lines.metric_code) as metric_code,
    coalesce(attained.manager_id, ranked_lines.manager_id) as manager_id,
    attained.plan,
    attained.plan_to_date,
    coalesce(attained.fact, 0) as fact,
    attained.fact_divisor,
    attained.value,
    attained.deviation,
    attained.attainment,
    attained.attainment_to_date,
    coalesce(attained.has_plan, false) as has_plan,
    coalesce(attained.is_unmet, false) as is_unmet,
    coalesce(attained.remaining_days, 0) as remaining_days,
    attained.remaining_per_day,
    ranked_lines.rank_rating,
    ranked_lines.deals_won
  from attained
  full outer join ranked_lines
    on
      attained.period_start = ranked_lines.period_start
      and attained.metric_code = ranked_lines.metric_code
      and attained.manager_id = ranked_lines.manager_id

),

valued as (

  select
    joined.*,
    metrics.metric,
    metrics.sort as metric_sort,
    metrics.unit,
    metrics.direction,
    metrics.kind = 'ratio' as is_ratio,
    case when metrics.kind = 'ratio' then joined.value else joined.fact end as shown_value,
    case when metrics.metric_code = 'revenue_won' then joined.deals_won else 0 end as tie_break
  from joined
  inner join metrics on joined.metric_code = metrics.metric_code

),

-- Money is compared to the kopeck, as the rating compares it.
placed as (

  select
    *,
    rank_rating is not null and shown_value is not null as is_placed,
    case direction when 'less' then -1 else 1 end
    * case unit when 'money' then round(shown_value, 2) else shown_value end as merit
  from valued

),

final as (

  select
    {{ period_columns() }},
    placed.metric_code,
    placed.metric,
    placed.metric_sort,
    placed.unit,
    placed.direction,
    placed.is_ratio,
    placed.manager_id,
    managers.manager,
    managers.department,
    '—' as pipeline,
    '—' as channel,
    placed.plan,
    placed.plan_to_date,
    placed.fact,
    placed.fact_divisor,
    placed.shown_value as value,
    trim_scale(placed.shown_value - placed.plan) as gap,
    placed.deviation,
    placed.attainment,
    placed.attainment_to_date,
    placed.has_plan,
    placed.is_unmet,
    placed.remaining_days,
    placed.remaining_per_day,
    case
      when placed.is_placed
        then rank() over (
          partition by placed.period_start, placed.metric_code, placed.is_placed
          order by placed.merit desc, placed.tie_break desc
        )
    end as metric_rank,
    count(placed.rank_rating) over (partition by placed.period_start, placed.metric_code) as managers_ranked,
    placed.rank_rating,
    baselines.median_per_day,
    baselines.upper_quartile_per_day
  from placed
  inner join periods on placed.period_start = periods.period_start
  inner join managers on placed.manager_id = managers.manager_id
  left join baselines
    on placed.metric_code = baselines.metric_code and placed.manager_id = baselines.manager_id

)

select * from final
order by period_choice_sort, manager, metric_sort
