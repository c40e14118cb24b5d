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

members as (

  select
    journey_cards.journey_key,
    journey_cards.entry_code,
    cards.*
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
    bool_or(is_converted) as is_converted
  from members
  group by journey_key, entry_code

),

-- It begins with the lead, or with the first deal where there is none or it was deleted.
starts as (

  select distinct on (journey_key) *
  from members
  order by journey_key asc, card_type desc, created_at asc, card_id asc

),

-- Where it stands: the deal that was won, else what is in process, else the last deal.
mains as (

  select distinct on (journey_key) *
  from members
  order by
    journey_key asc, is_won desc, closed_at is null desc, card_type asc, created_at desc, card_id desc

),

endings as (

  select distinct on (journey_key) *
  from members
  where closed_at is not null
  order by journey_key asc, closed_at desc, card_type asc, card_id desc

),

judged as (

  select
    summed.*,
    case
      when summed.deals_won > 0 then 'won'
      when summed.has_card_in_process or (summed.is_converted and summed.deals_count = 0) then 'open'
      else 'lost'
    end as status_code
  from summed

),

final as (

  select
    judged.journey_key,
    judged.entry_code,
    judged.status_code,
    starts.card_type as start_card_type,
    starts.card_id as start_card_id,
    starts.created_at as started_at,
    starts.created_manager_id as start_manager_id,
    starts.channel,
    utm.utm_source,
    utm.utm_medium,
    utm.utm_campaign,
    mains.title,
    mains.manager_id,
    mains.pipeline_id,
    coalesce(mains.client_key, starts.client_key) as client_key,
    mains.crm_url,
    judged.deals_count,
    judged.deals_won,
    judged.revenue,
    judged.won_at,
    case when judged.status_code = 'lost' then judged.last_closed_at end as lost_at,
    -- nothing failed, but nobody goes on: such as an audit that was passed and no sale after it
    case when judged.status_code = 'lost' then coalesce(endings.loss_reason, 'Без продолжения') end as loss_reason,
    case when judged.status_code = 'lost' then endings.amount end as lost_amount,
    case when judged.status_code = 'lost' then endings.closed_manager_id end as lost_manager_id
  from judged
  inner join starts on judged.journey_key = starts.journey_key
  inner join mains on judged.journey_key = mains.journey_key
  inner join utm on starts.card_type = utm.card_type and starts.card_id = utm.card_id
  left join endings on judged.journey_key = endings.journey_key

)

select * from final
