with cohort as (

  select * from {{ ref('int_kpi__cohort_members') }}

),

journey_cards as (

  select * from {{ ref('int_funnel__journey_cards') }}

),

journeys as (

  select * from {{ ref('int_funnel__journeys') }}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

utm as (

  select * from {{ ref('int_funnel__card_utm') }}

),

final as (

  select
    cohort.card_type,
    cohort.card_id,
    journey_cards.journey_key,
    cohort.created_date,
    cohort.manager_id,
    cohort.manager,
    cohort.department,
    coalesce(pipelines.pipeline, 'Без воронки') as pipeline,
    cohort.channel,
    utm.utm_source,
    utm.utm_medium,
    utm.utm_campaign,
    cohort.revenue,
    journeys.start_card_type = cohort.card_type and journeys.start_card_id = cohort.card_id as is_start,
    journeys.status_code
  from cohort
  inner join journey_cards
    on cohort.card_type = journey_cards.card_type and cohort.card_id = journey_cards.card_id
  inner join journeys on journey_cards.journey_key = journeys.journey_key
  left join pipelines on journeys.pipeline_id = pipelines.pipeline_id
  inner join utm on cohort.card_type = utm.card_type and cohort.card_id = utm.card_id

)

select * from final
