-- Every stage that configuration calls paid is one of a deal pipeline.
{% set problems %}
with stages as (

  select * from {{ ref('int_stages__dictionary') }}
  where entity = 'deal'

),

named as (

  {% for stage_id in var('payment_stages') -%}
    select '{{ stage_id }}' as stage_id
    {{ 'union all' if not loop.last }}
  {% else -%}
    select cast(null as text) as stage_id
    where false
  {% endfor %}

)

select
  'variable payment_stages: no deal pipeline has a stage ' || named.stage_id
  || '. Correct it (column stage_id of marts.dim_stages, entity deal) or take it out.' as problem
from named
left join stages on named.stage_id = stages.stage_id
where stages.stage_id is null
{% endset %}
{{ say_problems(problems) }}
