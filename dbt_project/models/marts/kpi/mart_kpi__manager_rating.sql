{%- set shown = ['revenue_won', 'deals_won', 'leads_created', 'deals_created', 'calls_successful'] -%}

with kpi as (

  select * from {{ ref('mart_kpi__period') }}

),

attained as (

  select * from {{ ref('mart_plan_fact__attainment') }}
  where metric_code = 'revenue_won' and has_plan

),

periods as (

  select * from {{ ref('dim_periods') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

-- Who has ever led a deal of a selling pipeline. Telemarketers, whose deals go on to others, are no worst sellers.
sellers as (

  select manager_id from deals
  where is_selling
  union
  select created_manager_id as manager_id from deals
  where is_selling
  union
  select closed_manager_id as manager_id from deals
  where is_selling

),

totals as (

  select
    period_grain,
    period_start,
    manager_id,
    {%- for metric_code in shown %}
      sum(case when metric_code = '{{ metric_code }}' then value else 0 end) as {{ metric_code }},
    {%- endfor %}
    sum(case when metric_code = 'revenue_won' then previous_value else 0 end) as revenue_previous,
    sum(abs(value)) as activity,
    sum(abs(previous_value)) as previous_activity
  from kpi
  where metric_code in ('{{ shown | join("', '") }}')
  group by period_grain, period_start, manager_id

),

-- A plan knows days, weeks and months: a quarter and a year are judged by those of their months that have one.
plans as (

  select
    periods.period_grain,
    periods.period_start,
    attained.manager_id,
    sum(attained.plan) as revenue_plan,
    case
      when sum(attained.plan) <> 0 then trim_scale(round(sum(attained.fact) / sum(attained.plan), 12))
    end as attainment
  from periods
  inner join attained
    on
      periods.period_start <= attained.period_start
      and periods.period_end > attained.period_start
      and case
        when periods.period_grain in ('Квартал', 'Год') then 'Месяц'
        else periods.period_grain
      end = attained.period_grain
  group by periods.period_grain, periods.period_start, attained.manager_id

),

-- Who has a plan and did nothing, in the year before neither, is in no row of the sums.
joined as (

  select
    coalesce(totals.period_grain, plans.period_grain) as period_grain,
    coalesce(totals.period_start, plans.period_start) as period_start,
    coalesce(totals.manager_id, plans.manager_id) as manager_id,
    {%- for metric_code in shown %}
      coalesce(totals.{{ metric_code }}, 0) as {{ metric_code }},
    {%- endfor %}
    coalesce(totals.revenue_previous, 0) as revenue_previous,
    coalesce(totals.activity, 0) as activity,
    coalesce(totals.previous_activity, 0) as previous_activity,
    plans.revenue_plan,
    plans.attainment
  from totals
  full outer join plans
    on
      totals.period_grain = plans.period_grain
      and totals.period_start = plans.period_start
      and totals.manager_id = plans.manager_id

),

-- Who sold in any way in the period, and who did in the one before or has a plan: silence is the worst result.
-- Those who do not sell, and nobody's cards, keep their row, so that the rows add up to the whole, without a rank.
rated as (

  select
    {{ period_columns() }},
    joined.manager_id,
    managers.manager,
    managers.department,
    {%- for metric_code in shown %}
      joined.{{ metric_code }},
    {%- endfor %}
    joined.revenue_previous,
    case when joined.deals_won > 0 then round(joined.revenue_won / joined.deals_won, 2) end as average_check,
    joined.revenue_plan,
    joined.attainment,
    joined.manager_id <> 0 and sellers.manager_id is not null as is_ranked
  from joined
  inner join periods
    on
      joined.period_grain = periods.period_grain
      and joined.period_start = periods.period_start
  inner join managers on joined.manager_id = managers.manager_id
  left join sellers on joined.manager_id = sellers.manager_id
  where
    joined.activity > 0
    or (joined.previous_activity > 0 and managers.is_active)
    or (joined.revenue_plan > 0 and sellers.manager_id is not null)

),

final as (

  select
    period_grain,
    period_grain_sort,
    period_choice,
    period_choice_sort,
    period_label,
    period_start,
    is_current,
    manager_id,
    manager,
    department,
    '—' as pipeline,
    '—' as channel,
    revenue_won,
    deals_won,
    average_check,
    leads_created,
    deals_created,
    calls_successful,
    revenue_previous,
    revenue_plan,
    attainment,
    case
      when not is_ranked then '—'
      when attainment is not null then 'выполнение плана'
      else 'выручка'
    end as rated_by,
    case
      when is_ranked
        then rank() over (
          partition by period_grain, period_start, is_ranked
          order by attainment is null asc, coalesce(attainment, revenue_won) desc, deals_won desc
        )
    end as rank_rating,
    case
      when is_ranked
        then rank() over (
          partition by period_grain, period_start, is_ranked
          order by revenue_won desc, deals_won desc
        )
    end as rank_revenue,
    case
      when is_ranked and average_check is not null
        then rank() over (
          partition by period_grain, period_start, is_ranked
          order by average_check desc nulls last
        )
    end as rank_average_check,
    {%- for metric_code in shown if metric_code != 'revenue_won' %}
      case
        when is_ranked
          then rank() over (
            partition by period_grain, period_start, is_ranked
            order by {{ metric_code }} desc
          )
      end as rank_{{ metric_code }},
    {%- endfor %}
    count(*) filter (where is_ranked) over (
      partition by period_grain, period_start
    ) as managers_ranked
  from rated

)

select * from final
order by period_grain_sort, period_choice_sort, rank_rating
