{{ config(pre_hook="set local work_mem = '256MB'") }}
{%- set measures = [
  'value', 'previous_value', 'previous_to_date_value', 'year_ago_value', 'year_ago_to_date_value'
] -%}

with period_values as (

  select * from {{ ref('int_kpi__period_values') }}

),

metrics as (

  select * from {{ ref('dim_metrics') }}

),

periods as (

  select * from {{ ref('dim_periods') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

ratio_metrics as (

  select * from metrics
  where kind = 'ratio'

),

-- which event metrics stand above and below the line of each ratio
ratio_parts as (

  {{ metric_parts('ratio_metrics') }}

),

ratios as (

  select
    period_values.period_grain,
    period_values.period_start,
    period_values.manager_id,
    period_values.pipeline,
    period_values.channel,
    {%- for measure in measures %}
      sum(period_values.{{ measure }} * ratio_parts.in_numerator) as {{ measure }},
      sum(period_values.{{ measure }} * ratio_parts.in_denominator) as {{ measure }}_divisor,
    {%- endfor %}
    ratio_parts.metric_code
  from period_values
  inner join ratio_parts on period_values.metric_code = ratio_parts.part_code
  group by
    period_values.period_grain,
    period_values.period_start,
    period_values.manager_id,
    period_values.pipeline,
    period_values.channel,
    ratio_parts.metric_code

),

all_metrics as (

  select
    period_grain,
    period_start,
    manager_id,
    pipeline,
    channel,
    {%- for measure in measures %}
      {{ measure }},
      cast(null as numeric) as {{ measure }}_divisor,
    {%- endfor %}
    metric_code
  from period_values

  union all

  select * from ratios

),

final as (

  select
    {{ period_columns() }},
    all_metrics.metric_code,
    metrics.metric,
    metrics.sort as metric_sort,
    metrics.unit,
    metrics.direction,
    metrics.kind = 'ratio' as is_ratio,
    all_metrics.manager_id,
    coalesce(managers.manager, 'Без ответственного') as manager,
    coalesce(managers.department, 'Без отдела') as department,
    {%- for measure in measures %}
      all_metrics.{{ measure }},
      all_metrics.{{ measure }}_divisor,
    {%- endfor %}
    all_metrics.pipeline,
    all_metrics.channel
  from all_metrics
  inner join metrics on all_metrics.metric_code = metrics.metric_code
  inner join periods
    on
      all_metrics.period_grain = periods.period_grain
      and all_metrics.period_start = periods.period_start
  left join managers on all_metrics.manager_id = managers.manager_id

)

select * from final
order by period_grain_sort, period_choice_sort, metric_sort
