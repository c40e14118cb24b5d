-- Every line of the funnel's steps says what it should, and every source called the manager's own initiative exists;
-- what is wrong is named with its cure.
{%- set own_initiative = var('own_initiative_sources') -%}
{% set problems %}
with lines as (

  select * from {{ ref('int_funnel__step_lines') }}

),

channels as (

  select * from {{ ref('dim_channels') }}

),

named as (

  {% for source_id in own_initiative -%}
    select '{{ source_id }}' as source_id
    {{ 'union all' if not loop.last }}
  {% else -%}
    select cast(null as text) as source_id
    where false
  {% endfor %}

),

final as (

  select distinct file_name || ', line ' || line_number || ': ' || problem as problem
  from lines
  where problem is not null
  union all
  select
    'variable own_initiative_sources: the portal has no source ' || named.source_id
    || '. Correct it (column source_id of marts.dim_channels) or take it out.' as problem
  from named
  left join channels on named.source_id = channels.source_id
  where channels.source_id is null

)

select * from final
{% endset %}
{{ say_problems(problems) }}
