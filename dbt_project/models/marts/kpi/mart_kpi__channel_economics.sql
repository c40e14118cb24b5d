{%- set counted = ['leads_created', 'deals_created', 'deals_won', 'revenue_won'] -%}

with kpi as (

  select * from {{ ref('int_kpi__period_values') }}

),

cohort as (

  select * from {{ ref('int_kpi__cohort_members') }}

),

period_days as (

  select * from {{ ref('int_calendar__period_days') }}
  where compared_with = 'own'

),

channel_spend as (

  select * from {{ ref('int_kpi__channel_spend') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

-- Days and not cards are put into periods.
cohort_days as (

  select
    created_date,
    manager_id,
    pipeline,
    channel,
    count(*) as cohort_leads,
    sum(revenue) as cohort_revenue
  from cohort
  group by created_date, manager_id, pipeline, channel

),

cards as (

  select
    period_grain,
    period_start,
    manager_id,
    pipeline,
    channel,
    {%- for metric_code in counted %}
      case when metric_code = '{{ metric_code }}' then value else 0 end as {{ metric_code }},
    {%- endfor %}
    0 as cohort_leads,
    0 as cohort_revenue
  from kpi
  where
    metric_code in ('{{ counted | join("', '") }}')
    and value <> 0

  union all

  select
    period_days.period_grain,
    period_days.period_start,
    cohort_days.manager_id,
    cohort_days.pipeline,
    cohort_days.channel,
    {%- for metric_code in counted %}
      0 as {{ metric_code }},
    {%- endfor %}
    cohort_days.cohort_leads,
    cohort_days.cohort_revenue
  from period_days
  inner join cohort_days on period_days.day = cohort_days.created_date

),

summed as (

  select
    period_grain,
    period_start,
    manager_id,
    pipeline,
    channel,
    {%- for metric_code in counted %}
      sum({{ metric_code }}) as {{ metric_code }},
    {%- endfor %}
    cast(sum(cohort_leads) as bigint) as cohort_leads,
    sum(cohort_revenue) as cohort_revenue
  from cards
  group by period_grain, period_start, manager_id, pipeline, channel

),

rows_of_cards as (

  select
    summed.period_grain,
    summed.period_start,
    summed.manager_id,
    coalesce(managers.manager, 'Без ответственного') as manager,
    coalesce(managers.department, 'Без отдела') as department,
    summed.pipeline,
    summed.channel,
    {%- for metric_code in counted %}
      summed.{{ metric_code }},
    {%- endfor %}
    summed.cohort_leads,
    summed.cohort_revenue,
    cast(null as numeric) as spend,
    case when channel_spend.channel is not null then summed.cohort_leads else 0 end as spend_known_leads,
    case when channel_spend.channel is not null then summed.cohort_revenue else 0 end as spend_known_revenue
  from summed
  left join managers on summed.manager_id = managers.manager_id
  left join channel_spend
    on
      summed.period_grain = channel_spend.period_grain
      and summed.period_start = channel_spend.period_start
      and summed.channel = channel_spend.channel

),

rows_of_spend as (

  select
    period_grain,
    period_start,
    cast(null as bigint) as manager_id,
    '—' as manager,
    '—' as department,
    '—' as pipeline,
    channel,
    {%- for metric_code in counted %}
      0 as {{ metric_code }},
    {%- endfor %}
    0 as cohort_leads,
    0 as cohort_revenue,
    spend,
    0 as spend_known_leads,
    0 as spend_known_revenue
  from channel_spend

),

all_rows as (

  select * from rows_of_cards

  union all

  select * from rows_of_spend

),

final as (

  select
    {{ period_columns() }},
    all_rows.manager_id,
    all_rows.manager,
    all_rows.department,
    all_rows.pipeline,
    all_rows.channel,
    all_rows.leads_created,
    all_rows.deals_created,
    all_rows.deals_won,
    all_rows.revenue_won,
    all_rows.cohort_leads,
    all_rows.cohort_revenue,
    all_rows.spend,
    all_rows.spend_known_leads,
    all_rows.spend_known_revenue
  from all_rows
  inner join periods
    on
      all_rows.period_grain = periods.period_grain
      and all_rows.period_start = periods.period_start

)

select * from final
order by period_grain_sort, period_choice_sort
