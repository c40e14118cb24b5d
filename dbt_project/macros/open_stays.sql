{% macro open_stays(cards, fact, intervals, key, stage_id, closed_at, has_pipelines) %}
{#-
  SQL of a model: the stays of cards in stages of work, from their history, brought into agreement with the cards:
  entries into the stage a card is in already are no new stay; a closed card is in no stage any more; an open one is in
  the stage it says, since its last move, whatever history lacks. Before its first record a card is in no stage.
-#}
{%- set affected -%}
  select {{ key }} from {{ changed_in(cards) }}
  union all
  select {{ key }} from {{ changed_in(fact) }}
  union all
  select {{ key }} from {{ changed_in(intervals) }}
  union all
  select {{ key }} from {{ ref(cards) }}
  where moved_at >= {{ last_build() }}
  union all
  -- Closed at a moment that has not come: it ends now, whenever that is.
  select facts.{{ key }} from (select * from {{ ref(fact) }}) as facts
  where facts.semantic <> 'process' and coalesce({{ closed_at }}) is null
{%- endset -%}
{{ gather_affected(affected) }}
with crm_cards as (

  select * from {{ ref(cards) }}
  {{ affected_only(key) }}

),

facts as (

  select * from {{ ref(fact) }}

),

intervals as (

  select * from {{ ref(intervals) }}
  {{ affected_only(key) }}

),

entries as (

  select
    {{ key }},
    visit_number,
    {{ 'pipeline_id' if has_pipelines else 'cast(null as bigint) as pipeline_id' }},
    stage_id,
    semantic,
    entered_at,
    lag(stage_id) over (partition by {{ key }} order by visit_number) as stage_before
  from intervals

),

moves as (

  select
    {{ key }},
    pipeline_id,
    stage_id,
    semantic,
    entered_at,
    lead(entered_at) over (partition by {{ key }} order by visit_number) as left_at
  from entries
  where stage_id is distinct from stage_before

),

states as (

  select
    facts.{{ key }},
    {{ 'facts.pipeline_id' if has_pipelines else 'cast(null as bigint) as pipeline_id' }},
    facts.{{ stage_id }} as stage_id,
    facts.semantic = 'process' as is_open,
    facts.created_at,
    coalesce({{ closed_at }}, {{ as_of() }}) as closed_at,
    case when crm_cards.moved_at < {{ as_of() }} then crm_cards.moved_at end as moved_at
  from facts
  inner join crm_cards on facts.{{ key }} = crm_cards.{{ key }}

),

known as (

  select
    moves.{{ key }},
    case when moves.stage_id = states.stage_id then states.pipeline_id else moves.pipeline_id end as pipeline_id,
    moves.stage_id,
    moves.entered_at,
    case
      when moves.left_at is not null then moves.left_at
      when not states.is_open then greatest(states.closed_at, moves.entered_at)
      when states.stage_id <> moves.stage_id then greatest(states.moved_at, moves.entered_at)
    end as left_at
  from moves
  inner join states on moves.{{ key }} = states.{{ key }}
  where moves.semantic = 'process'

),

last_moves as (

  select
    {{ key }},
    stage_id,
    entered_at
  from moves
  where left_at is null

),

unknown as (

  select
    states.{{ key }},
    states.pipeline_id,
    states.stage_id,
    greatest(coalesce(states.moved_at, states.created_at), last_moves.entered_at) as entered_at,
    cast(null as timestamptz) as left_at
  from states
  left join last_moves on states.{{ key }} = last_moves.{{ key }}
  where states.is_open and states.stage_id is distinct from last_moves.stage_id

),

final as (

  select * from known
  union all
  select * from unknown

)

select * from final
{% endmacro %}
