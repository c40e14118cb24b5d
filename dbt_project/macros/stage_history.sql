{% macro stage_intervals(history, key, entity) %}
{#- SQL of a model: the stays of cards in stages, from history and the stage dictionary's semantics. The history of a
    deleted card leaves with it. -#}
{%- set stream = entity ~ 's' -%}
{%- set affected -%}
  select {{ key }} from {{ changed_in(history) }}
  union all
  select card_id as {{ key }} from {{ changed_in('stg_bitrix24__deleted_cards') }}
  where stream = '{{ stream }}'
  union all
  select {{ key }} from {{ ref(history) }}
  where entered_at >= {{ last_build() }}
{%- endset -%}
{{ gather_affected(affected) }}
with history as (

  select * from {{ ref(history) }}
  {{ affected_only(key) }}

),

deleted as (

  select * from {{ ref('stg_bitrix24__deleted_cards') }}
  where stream = '{{ stream }}'

),

stages as (

  select * from {{ ref('int_stages__dictionary') }}

),

entries as (

  select
    history.history_id,
    history.{{ key }},
    history.pipeline_id,
    history.stage_id,
    stages.semantic,
    history.entered_at
  from history
  inner join stages
    on history.stage_id = stages.stage_id and stages.entity = '{{ entity }}'
  left join deleted on history.{{ key }} = deleted.card_id
  where history.entered_at < {{ as_of() }} and deleted.card_id is null

),

final as (

  select
    history_id,
    {{ key }},
    pipeline_id,
    stage_id,
    semantic,
    row_number() over stays as visit_number,
    entered_at,
    lead(entered_at) over stays as left_at
  from entries
  window stays as (partition by {{ key }} order by entered_at, history_id)

)

select * from final
{% endmacro %}


{% macro stage_lifecycle(cards, versions, intervals, key, entity, stage_id, closed_at) %}
{#-
  SQL of a model: one row per card with its stage and semantic at as_of, the moment of success or failure, and who was
  responsible at creation and at that moment.

  Success at (failure at) is the start of the present unbroken run of success (failure) entries, while the card is in
  such a stage now; without history the last stage move, then the close date, then the last change.
  "Now" is the card's own stage in a live build; as of a past date it is the last stage that history knows.
-#}
{%- set affected -%}
  select {{ key }} from {{ changed_in(cards) }}
  union all
  select {{ key }} from {{ changed_in(versions) }}
  union all
  select {{ key }} from {{ changed_in(intervals) }}
  union all
  select {{ key }} from {{ ref(cards) }}
  where created_at >= {{ last_build() }}
  union all
  -- Closed by its stage, at a moment that had not come.
  select {{ key }} from {{ this }}
  where semantic <> 'process' and success_at is null and failure_at is null
{%- endset -%}
{{ gather_affected(affected) }}
with cards as (

  select * from {{ ref(cards) }}
  where created_at < {{ as_of() }} {{ affected_only(key, 'and') }}

),

versions as (

  select * from {{ ref(versions) }}
  {{ affected_only(key) }}

),

intervals as (

  select * from {{ ref(intervals) }}
  {{ affected_only(key) }}

),

stages as (

  select * from {{ ref('int_stages__dictionary') }}

),

-- The last entry that is no success (failure): the present run begins after it.
boundaries as (

  select
    {{ key }},
    coalesce(max(visit_number) filter (where semantic <> 'success'), 0) as success_after,
    coalesce(max(visit_number) filter (where semantic <> 'failure'), 0) as failure_after
  from intervals
  group by {{ key }}

),

runs as (

  select
    intervals.{{ key }},
    min(intervals.entered_at) filter (where intervals.visit_number > boundaries.success_after) as success_from,
    min(intervals.entered_at) filter (where intervals.visit_number > boundaries.failure_after) as failure_from,
    max(intervals.stage_id) filter (where intervals.left_at is null) as last_stage_id,
    max(intervals.pipeline_id) filter (where intervals.left_at is null) as last_pipeline_id
  from intervals
  inner join boundaries on intervals.{{ key }} = boundaries.{{ key }}
  group by intervals.{{ key }}

),

states as (

  select
    cards.{{ key }},
    cards.created_at,
    cards.manager_id,
    {% if var('as_of', none) is not none -%}
    coalesce(runs.last_stage_id, cards.{{ stage_id }}) as stage_id,
    {% if entity != 'lead' -%}
    case
      when runs.last_stage_id is null then cards.pipeline_id
      else runs.last_pipeline_id
    end as pipeline_id,
    {%- endif %}
    {%- else -%}
    cards.{{ stage_id }} as stage_id,
    {% if entity != 'lead' -%}
    cards.pipeline_id,
    {%- endif %}
    {%- endif %}
    runs.success_from,
    runs.failure_from,
    coalesce(cards.moved_at, {{ closed_at }}, cards.modified_at) as last_resort_at
  from cards
  left join runs on cards.{{ key }} = runs.{{ key }}

),

moments as (

  select
    states.*,
    stages.stage,
    stages.semantic,
    case
      when stages.semantic = 'success' then coalesce(states.success_from, states.last_resort_at)
    end as success_at,
    case
      when stages.semantic = 'failure' then coalesce(states.failure_from, states.last_resort_at)
    end as failure_at
  from states
  inner join stages
    on states.stage_id = stages.stage_id and stages.entity = '{{ entity }}'

),

-- The responsible a card had at a moment, as far as its kept versions reach back to it.
responsibles as (

  select
    moments.{{ key }},
    {{ responsible_at('moments.created_at') }} as created_manager_id,
    {{ responsible_at('coalesce(moments.success_at, moments.failure_at)') }} as closed_manager_id
  from moments
  inner join versions on moments.{{ key }} = versions.{{ key }}
  group by moments.{{ key }}

),

final as (

  select
    moments.{{ key }},
    {% if entity != 'lead' -%}
    moments.pipeline_id,
    {% endif -%}
    moments.stage_id,
    moments.stage,
    moments.semantic,
    case when moments.success_at < {{ as_of() }} then moments.success_at end as success_at,
    case when moments.failure_at < {{ as_of() }} then moments.failure_at end as failure_at,
    coalesce(responsibles.created_manager_id, moments.manager_id, 0) as created_manager_id,
    coalesce(responsibles.closed_manager_id, moments.manager_id, 0) as closed_manager_id
  from moments
  left join responsibles on moments.{{ key }} = responsibles.{{ key }}

)

select * from final
{% endmacro %}


{% macro responsible_at(moment) -%}
  {#- Aggregate over the kept versions of a card (alias versions): who was responsible at a moment, as far as they reach
      back to it; 0 for nobody. -#}
  (
    array_agg(coalesce(versions.manager_id, 0) order by versions.modified_at desc, versions.received_at desc)
    filter (where versions.modified_at <= {{ moment }})
  )[1]
{%- endmacro %}
