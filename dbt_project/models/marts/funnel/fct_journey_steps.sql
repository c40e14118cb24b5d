with journey_steps as (

  select * from {{ ref('int_funnel__journey_steps') }}

),

journeys as (

  select * from {{ ref('fct_journeys') }}

),

steps as (

  select * from {{ ref('int_funnel__steps') }}

),

timed as (

  select
    journey_steps.*,
    lag(reached_at) over (partition by journey_key order by step_number) as previous_reached_at,
    lag(is_skipped) over (partition by journey_key order by step_number) as is_previous_skipped
  from journey_steps

),

-- A step that was skipped took no time of its own, nor does the next one tell how long it took.
final as (

  select
    timed.journey_key,
    journeys.entry_code,
    timed.step_number,
    steps.step_code,
    steps.step,
    timed.reached_at,
    {{ local_date('timed.reached_at') }} as reached_date,
    journeys.started_date,
    timed.is_skipped,
    timed.is_furthest,
    case
      when not timed.is_skipped and not timed.is_previous_skipped
        then {{ days_between('timed.previous_reached_at', 'timed.reached_at') }}
    end as days_from_previous,
    case
      when not timed.is_skipped
        then {{ days_between('journeys.started_at', 'greatest(timed.reached_at, journeys.started_at)') }}
    end as days_from_start,
    timed.manager_id,
    journeys.start_manager_id,
    journeys.pipeline,
    journeys.channel,
    journeys.status_code,
    timed.card_type,
    timed.card_id
  from timed
  inner join journeys on timed.journey_key = journeys.journey_key
  inner join steps on timed.entry_code = steps.entry_code and timed.step_number = steps.step_number

)

select * from final
order by reached_at
