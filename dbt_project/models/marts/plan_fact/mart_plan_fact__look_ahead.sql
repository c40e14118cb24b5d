{%- set kinds = {'meeting': 'meetings', 'call': 'calls', 'email': 'emails', 'task': 'tasks', 'other': 'others'} -%}

with planned as (

  select * from {{ ref('mart_plan_fact__planned') }}

),

final as (

  select
    {{ period_columns('planned') }},
    ahead,
    ahead_sort,
    due_day as day,
    manager_id,
    manager,
    department,
    pipeline,
    channel,
    count(*) filter (where item_type = 'deal') as deals_due,
    sum(amount) as deals_due_amount,
    sum(weighted_amount) as deals_due_weighted,
    {%- for kind, column in kinds.items() %}
      count(*) filter (where kind = '{{ kind }}') as {{ column }}_planned,
    {%- endfor %}
    count(*) filter (where item_type = 'activity') as activities_planned
  from planned
  group by
    {{ period_columns('planned') }},
    ahead,
    ahead_sort,
    due_day,
    manager_id,
    manager,
    department,
    pipeline,
    channel

)

select * from final
order by period_grain_sort, ahead_sort, day
