{% macro closings(fact, intervals, key, success_at, failure_at, has_pipelines) %}
{#-
  SQL of a model: when cards were closed, the present time and those after which they were reopened, from the stays in
  stages and the fact. Cards with pipelines are won by success in one that sells, others by success.
-#}
with cards as (

  select * from {{ ref(fact) }}

),

intervals as (

  select * from {{ ref(intervals) }}

),
{%- if has_pipelines %}

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),
{%- endif %}

entries as (

  select
    {{ key }},
    visit_number,
    {% if has_pipelines -%}
    pipeline_id,
    {% endif -%}
    semantic,
    entered_at,
    lag(semantic) over (partition by {{ key }} order by visit_number) as semantic_before
  from intervals

),

turns as (

  select
    {{ key }},
    {% if has_pipelines -%}
    pipeline_id,
    {% endif -%}
    semantic,
    entered_at,
    lead(entered_at) over (partition by {{ key }} order by visit_number) as ended_at
  from entries
  where semantic is distinct from semantic_before

),

-- Runs of success or failure that ended: closed then, but not any more.
past as (

  select
    turns.{{ key }},
    {% if has_pipelines -%}
    turns.pipeline_id,
    {% endif -%}
    turns.semantic = 'success'{{ ' and pipelines.is_selling' if has_pipelines }} as is_won,
    turns.entered_at as closed_at,
    turns.ended_at as reopened_at
  from turns
  inner join cards on turns.{{ key }} = cards.{{ key }}
  {% if has_pipelines -%}
  inner join pipelines on turns.pipeline_id = pipelines.pipeline_id
  {% endif -%}
  where turns.semantic <> 'process' and turns.ended_at > turns.entered_at

),

present as (

  select
    {{ key }},
    {% if has_pipelines -%}
    pipeline_id,
    {% endif -%}
    {{ success_at }} is not null{{ ' and is_selling' if has_pipelines }} as is_won,
    coalesce({{ success_at }}, {{ failure_at }}) as closed_at,
    cast(null as timestamptz) as reopened_at
  from cards
  where {{ success_at }} is not null or {{ failure_at }} is not null

),

-- History that contradicts the card does not make a second closing of the same moment.
final as (

  select past.*
  from past
  left join present on past.{{ key }} = present.{{ key }} and past.closed_at = present.closed_at
  where present.{{ key }} is null
  union all
  select * from present

)

select * from final
{% endmacro %}
