-- What variables name exists in the portal: pipelines and departments that sell, and the metric of the norm.
{% set named = [] %}
{% for name, model, column in [
  ('selling_pipelines', 'dim_pipelines', 'pipeline_id'),
  ('selling_departments', 'dim_departments', 'department_id'),
] if var(name) != 'all' %}
  {% for id in var(name) %}
    {% do named.append((name, id | string | trim, column)) %}
  {% endfor %}
{% endfor %}
{% for id in (not_selling_pipelines() | trim).split(',') if id | trim %}
  {% do named.append(('not_selling_pipelines', id | trim, 'pipeline_id')) %}
{% endfor %}
{% set problems %}
with pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

departments as (

  select * from {{ ref('dim_departments') }}

),

metrics as (

  select * from {{ ref('dim_metrics') }}
  where kind in ('event', 'ratio')

),

known as (

  select
    'pipeline_id' as kind,
    cast(pipeline_id as text) as id
  from pipelines
  union all
  select
    'department_id' as kind,
    cast(department_id as text) as id
  from departments
  union all
  select
    'metric_code' as kind,
    metric_code as id
  from metrics

),

named as (

  select
    'call_norm_metric' as variable,
    '{{ var("call_norm_metric") }}' as id,
    'metric_code' as kind
  {% for name, id, column in named %}
    union all
    select
      '{{ name }}' as variable,
      '{{ id }}' as id,
      '{{ column }}' as kind
  {% endfor %}

)

select
  'variable ' || named.variable || ': there is no ' || named.kind || ' ' || named.id
  || '. Correct it (vars: in dbt_project/dbt_project.yml, or VORONKA_ in the environment) or take it out.' as problem
from named
left join known on named.kind = known.kind and named.id = known.id
where known.id is null
{% endset %}
{{ say_problems(problems) }}
