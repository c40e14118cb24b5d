{{
  config(
    indexes=[{'columns': ['journey_key'], 'unique': true}],
    pre_hook="set local work_mem = '128MB'"
  )
}}

with journey_cards as (

  select * from {{ ref('int_funnel__journey_cards') }}

),

leads as (

  select * from {{ ref('fct_leads') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

utm as (

  select * from {{ ref('int_funnel__card_utm') }}

),

stages as (

  select * from {{ ref('int_stages__dictionary') }}
  where entity = 'lead'

),

cards as (

  select
    'lead' as card_type,
    leads.lead_id as card_id,
    leads.title,
    leads.created_at,
    leads.manager_id,
    leads.created_manager_id,
    leads.closed_manager_id,
    leads.client_key,
    leads.channel,
    cast(null as bigint) as pipeline_id,
    coalesce(leads.qualified_at, leads.junk_at) as closed_at,
    leads.qualified_at is not null as is_converted,
    false as is_won,
    case when leads.junk_at is not null then stages.stage end as loss_reason,
    cast(0 as numeric) as amount,
    leads.crm_url
  from leads
  inner join stages on leads.status_id = stages.stage_id
  union all
  select
    'deal' as card_type,
    deal_id as card_id,
    title,
    created_at,
    manager_id,
    created_manager_id,
    closed_manager_id,
    client_key,
    channel,
    pipeline_id,
    coalesce(won_at, lost_at) as closed_at,
    false as is_converted,
    won_at is not null and is_selling as is_won,
    case when lost_at is not null then coalesce(nullif(loss_reason, ''), 'Не указана') end as loss_reason,
    amount,
    crm_url
  from deals

),

-- A journey begins with the lead, or with the first deal where there is none or it was deleted. It stands with the deal
-- that was won, else with what is in process, else with the last deal.
members as (

  select
    journey_cards.journey_key,
    journey_cards.entry_code,
    cards.*,
    row_number() over (
      partition by journey_cards.journey_key
      order by cards.card_type desc, cards.created_at asc, cards.card_id asc
    ) = 1 as is_start,
    row_number() over (
      partition by journey_cards.journey_key
      order by
        cards.is_won desc, cards.closed_at is null desc, cards.card_type asc, cards.created_at desc, cards.card_id desc
    ) = 1 as is_main,
    row_number() over (
      partition by journey_cards.journey_key
      order by cards.closed_at desc nulls last, cards.card_type asc, cards.card_id desc
    ) = 1 as is_last_closed
  from journey_cards
  inner join cards
    on journey_cards.card_type = cards.card_type and journey_cards.card_id = cards.card_id

),

summed as (

  select
    journey_key,
    entry_code,
    count(*) filter (where card_type = 'deal') as deals_count,
    count(*) filter (where is_won) as deals_won,
    coalesce(sum(amount) filter (where is_won), 0) as revenue,
    min(closed_at) filter (where is_won) as won_at,
    max(closed_at) as last_closed_at,
    bool_or(closed_at is null) as has_card_in_process,
    bool_or(is_converted) as is_converted,
    {%- for column in ['card_type', 'card_id', 'created_at', 'created_manager_id', 'channel', 'client_key'] %}
      max({{ column }}) filter (where is_start) as start_{{ column }},
    {%- endfor %}
    {%- for column in ['title', 'manager_id', 'pipeline_id', 'client_key', 'crm_url'] %}
      max({{ column }}) filter (where is_main) as main_{{ column }},
    {%- endfor %}
    {%- for column in ['loss_reason', 'amount', 'closed_manager_id'] %}
      max({{ column }}) filter (where is_last_closed) as ending_{{ column }}
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from members
  group by journey_key, entry_code

),

judged as (

  select
    summed.*,
    case
      when deals_won > 0 then 'won'
      when has_card_in_process or (is_converted and deals_count = 0) then 'open'
      else 'lost'
    end as status_code
  from summed

),

final as (

  select
    judged.journey_key,
    judged.entry_code,
    judged.status_code,
    judged.start_card_type,
    judged.start_card_id,
    judged.start_created_at as started_at,
    judged.start_created_manager_id as start_manager_id,
    judged.start_channel as channel,
    utm.utm_source,
    utm.utm_medium,
    utm.utm_campaign,
    judged.main_title as title,
    judged.main_manager_id as manager_id,
    judged.main_pipeline_id as pipeline_id,
    coalesce(judged.main_client_key, judged.start_client_key) as client_key,
    judged.main_crm_url as crm_url,
    judged.deals_count,
    judged.deals_won,
    judged.revenue,
    judged.won_at,
    case when judged.status_code = 'lost' then judged.last_closed_at end as lost_at,
    -- nothing failed, but nobody goes on: such as an audit that was passed and no sale after it
    case
      when judged.status_code = 'lost' then coalesce(judged.ending_loss_reason, 'Без продолжения')
    end as loss_reason,
    case when judged.status_code = 'lost' then judged.ending_amount end as lost_amount,
    case when judged.status_code = 'lost' then judged.ending_closed_manager_id end as lost_manager_id
  from judged
  inner join utm on judged.start_card_type = utm.card_type and judged.start_card_id = utm.card_id

)

select * from final
