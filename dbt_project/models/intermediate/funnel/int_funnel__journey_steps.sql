{{
  config(
    indexes=[{'columns': ['journey_key', 'step_number'], 'unique': true}],
    pre_hook="set local work_mem = '128MB'"
  )
}}

with journey_cards as (

  select * from {{ ref('int_funnel__journey_cards') }}

),

card_steps as (

  select * from {{ ref('int_funnel__card_steps') }}

),

steps as (

  select * from {{ ref('int_funnel__steps') }}

),

leads as (

  select * from {{ ref('fct_leads') }}

),

deals as (

  select * from {{ ref('fct_deals') }}

),

managers as (

  select * from {{ ref('dim_managers') }}

),

lead_versions as (

  select * from {{ ref('stg_bitrix24__lead_versions') }}

),

deal_versions as (

  select * from {{ ref('stg_bitrix24__deal_versions') }}

),

entries as (

  select
    journey_cards.journey_key,
    journey_cards.entry_code,
    card_steps.card_type,
    card_steps.card_id,
    card_steps.step_number,
    card_steps.reached_at,
    card_steps.manager_id
  from journey_cards
  inner join card_steps
    on
      journey_cards.card_type = card_steps.card_type
      and journey_cards.card_id = card_steps.card_id
      and journey_cards.entry_code = card_steps.entry_code

),

-- A step is reached by the first entry into it or into a later one.
reached as (

  select distinct on (entries.journey_key, steps.step_number)
    entries.journey_key,
    entries.entry_code,
    steps.step_number,
    entries.step_number > steps.step_number as is_skipped,
    entries.reached_at,
    entries.card_type,
    entries.card_id,
    entries.manager_id
  from entries
  inner join steps
    on entries.entry_code = steps.entry_code and entries.step_number >= steps.step_number
  order by
    entries.journey_key asc,
    steps.step_number asc,
    entries.reached_at asc,
    entries.step_number asc,
    entries.card_type desc,
    entries.card_id asc

),

versions as (

  select
    'lead' as card_type,
    lead_id as card_id,
    manager_id,
    modified_at,
    received_at
  from lead_versions
  union all
  select
    'deal' as card_type,
    deal_id as card_id,
    manager_id,
    modified_at,
    received_at
  from deal_versions

),

-- Most cards never change hands: only for the others the kept versions are searched.
handed_over as (

  select
    card_type,
    card_id
  from versions
  group by card_type, card_id
  having min(coalesce(manager_id, 0)) <> max(coalesce(manager_id, 0))

),

responsibles as (

  select
    reached.journey_key,
    reached.step_number,
    {{ responsible_at('reached.reached_at') }} as manager_id
  from reached
  inner join handed_over on reached.card_type = handed_over.card_type and reached.card_id = handed_over.card_id
  inner join versions on reached.card_type = versions.card_type and reached.card_id = versions.card_id
  where reached.manager_id is null
  group by reached.journey_key, reached.step_number

),

present as (

  select
    'lead' as card_type,
    lead_id as card_id,
    manager_id
  from leads
  union all
  select
    'deal' as card_type,
    deal_id as card_id,
    manager_id
  from deals

),

attributed as (

  select
    reached.journey_key,
    reached.entry_code,
    reached.step_number,
    reached.is_skipped,
    reached.reached_at,
    reached.card_type,
    reached.card_id,
    coalesce(reached.manager_id, responsibles.manager_id, present.manager_id) as manager_id
  from reached
  inner join present on reached.card_type = present.card_type and reached.card_id = present.card_id
  left join responsibles
    on reached.journey_key = responsibles.journey_key and reached.step_number = responsibles.step_number

),

final as (

  select
    attributed.journey_key,
    attributed.entry_code,
    attributed.step_number,
    attributed.is_skipped,
    attributed.reached_at,
    attributed.card_type,
    attributed.card_id,
    coalesce(managers.manager_id, 0) as manager_id,
    attributed.step_number = max(attributed.step_number) over (partition by attributed.journey_key) as is_furthest
  from attributed
  left join managers on attributed.manager_id = managers.manager_id

)

select * from final
