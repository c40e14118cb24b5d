with journeys as (

  select * from {{ ref('int_funnel__journeys') }}

),

journey_steps as (

  select * from {{ ref('int_funnel__journey_steps') }}
  where is_furthest

),

steps as (

  select * from {{ ref('int_funnel__steps') }}

),

entries as (

  {% for code, label in funnel_entries() -%}
    select
      '{{ code }}' as entry_code,
      '{{ label }}' as entry,
      {{ loop.index }} as entry_sort
    {% if not loop.last %}union all{% endif %}
  {% endfor %}

),

pipelines as (

  select * from {{ ref('dim_pipelines') }}

),

clients as (

  select * from {{ ref('dim_clients') }}

),

final as (

  select
    journeys.journey_key,
    journeys.entry_code,
    entries.entry,
    entries.entry_sort,
    journeys.start_card_type,
    journeys.start_card_id,
    journeys.started_at,
    {{ local_date('journeys.started_at') }} as started_date,
    journeys.start_manager_id,
    journeys.manager_id,
    coalesce(pipelines.pipeline, 'Без воронки') as pipeline,
    journeys.channel,
    journeys.utm_source,
    journeys.utm_medium,
    journeys.utm_campaign,
    coalesce(nullif(journeys.title, ''), '—') as title,
    coalesce(clients.client, '—') as client,
    journeys.client_key,
    coalesce(journey_steps.step_number, 0) as step_number,
    coalesce(steps.step, 'До первого шага') as step,
    journey_steps.reached_at as step_reached_at,
    journeys.status_code,
    case journeys.status_code
      when 'won' then 'Успех'
      when 'open' then 'В работе'
      else 'Потеряна'
    end as status,
    journeys.won_at,
    journeys.lost_at,
    {{ local_date('journeys.lost_at') }} as lost_date,
    journeys.loss_reason,
    journeys.lost_amount,
    journeys.lost_manager_id,
    journeys.deals_count,
    journeys.deals_won,
    journeys.revenue,
    {{ days_between(
      'journeys.started_at',
      'greatest(journeys.started_at, coalesce(journeys.won_at, journeys.lost_at, ' ~ as_of() ~ '))'
    ) }} as days,
    coalesce(journeys.crm_url, '') as crm_url
  from journeys
  inner join entries on journeys.entry_code = entries.entry_code
  left join journey_steps on journeys.journey_key = journey_steps.journey_key
  left join steps
    on journey_steps.entry_code = steps.entry_code and journey_steps.step_number = steps.step_number
  left join pipelines on journeys.pipeline_id = pipelines.pipeline_id
  left join clients on journeys.client_key = clients.client_key

)

select * from final
order by started_at
