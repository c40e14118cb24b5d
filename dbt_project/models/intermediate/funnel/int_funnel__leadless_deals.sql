{%- set own_initiative = var('own_initiative_sources') -%}

{{
  config(
    indexes=[
      {'columns': ['deal_id'], 'unique': true},
      {'columns': ['client_key', 'deal_number']},
    ]
  )
}}

with deals as (

  select * from {{ ref('fct_deals') }}

),

leads as (

  select * from {{ ref('fct_leads') }}

),

crm_deals as (

  select * from {{ ref('stg_bitrix24__deals') }}

),

closings as (

  select * from {{ ref('int_pipeline__closings') }}

),

openings as (

  select * from {{ ref('int_funnel__openings') }}
  where card_type = 'deal'

),

card_steps as (

  select * from {{ ref('int_funnel__card_steps') }}
  where card_type = 'deal'

),

steps as (

  select * from {{ ref('int_funnel__steps') }}
  where is_last

),

portal as (

  select * from {{ ref('stg_bitrix24__portal') }}

),

-- Leads are switched off where the portal says so; one that does not say has none.
mode as (

  select
    coalesce(
      (select max(crm_mode) from portal) = 2,
      not exists (select 1 from leads)
    ) as has_no_leads

),

leadless as (

  select * from deals
  where lead_id is null

),

-- When a client had won, also by a win that was undone later. A deal is not its own earlier win.
won_times as (

  select
    deals.client_key,
    range_agg(
      tstzrange(greatest(closings.closed_at, deals.created_at), closings.reopened_at, '()')
    ) filter (where closings.reopened_at is null or closings.reopened_at > deals.created_at) as windows
  from closings
  inner join deals on closings.deal_id = deals.deal_id
  where closings.is_won and deals.client_key is not null
  group by deals.client_key

),

in_process as (

  select
    leadless.deal_id,
    range_agg(tstzrange(openings.opened_at, openings.closed_at)) as windows
  from leadless
  inner join openings on leadless.deal_id = openings.card_id
  group by leadless.deal_id

),

last_steps as (

  select
    card_steps.card_id as deal_id,
    {%- for code, label in funnel_entries() %}
      min(card_steps.reached_at) filter (where card_steps.entry_code = '{{ code }}') as {{ code }}_finished_at
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from card_steps
  inner join steps on card_steps.entry_code = steps.entry_code and card_steps.step_number = steps.step_number
  group by card_steps.card_id

),

final as (

  select
    leadless.deal_id,
    leadless.client_key,
    case
      when leadless.client_key is not null
        then row_number() over (partition by leadless.client_key order by leadless.created_at, leadless.deal_id)
    end as deal_number,
    leadless.created_at,
    case
      when
        mode.has_no_leads
        and (leadless.source_id <> '' or crm_deals.webform_id is not null)
        and leadless.source_id not in ('{{ own_initiative | join("', '") or "—" }}')
        then 'request'
      when won_times.windows @> leadless.created_at then 'repeat'
      else 'active'
    end as own_entry_code,
    coalesce(in_process.windows, '{}') as windows,
    {%- for code, label in funnel_entries() %}
      coalesce(last_steps.{{ code }}_finished_at, 'infinity') as {{ code }}_finished_at
      {%- if not loop.last %},{% endif %}
    {%- endfor %}
  from leadless
  inner join crm_deals on leadless.deal_id = crm_deals.deal_id
  cross join mode
  left join won_times on leadless.client_key = won_times.client_key
  left join in_process on leadless.deal_id = in_process.deal_id
  left join last_steps on leadless.deal_id = last_steps.deal_id

)

select * from final
