{{ config(materialized='view') }}

with register as (

  select * from {{ ref('mart_kpi__register') }}
  where period_grain in ('День', 'Неделя', 'Месяц')

),

metrics as (

  select * from {{ ref('dim_metrics') }}

),

attained as (

  select * from {{ ref('mart_plan_fact__attainment') }}
  where period_grain = 'Месяц'

),

-- What the report shows: whatever has a plan or a fact on a day has one in its month.
reported as (

  select distinct metric_code
  from attained

),

shown as (

  select metrics.*
  from metrics
  inner join reported on metrics.metric_code = reported.metric_code

),

parts as (

  {{ metric_parts('shown') }}

),

final as (

  select
    {{ period_columns('register') }},
    register.manager_id,
    register.manager,
    register.department,
    register.pipeline,
    register.channel,
    shown.metric_code,
    shown.metric,
    shown.sort as metric_sort,
    shown.unit,
    shown.kind = 'ratio' as is_ratio,
    register.metric as part,
    parts.in_numerator = 1 as is_above,
    parts.in_denominator = 1 as is_below,
    register.event_at,
    register.event_local,
    register.card_type_label,
    register.card_id,
    register.card_title,
    register.client,
    register.amount,
    register.crm_url,
    register.crm_link
  from register
  inner join parts on register.metric_code = parts.part_code
  inner join shown on parts.metric_code = shown.metric_code

)

select * from final
