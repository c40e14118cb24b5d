{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['activity_id', 'card_type', 'card_id'], 'unique': true},
      {'columns': ['card_type', 'card_id']},
      {'columns': ['planned_at']}
    ],
    meta={
      'key': 'activity_id',
      'logs': ['card_type', 'card_id'],
      'scope': 'affected',
      'follows': ['stg_bitrix24__activities', 'stg_bitrix24__activity_bindings']
    }
  )
}}
{%- set affected -%}
  select activity_id from {{ changed_in('stg_bitrix24__activities') }}
  union all
  select activity_id from {{ changed_in('stg_bitrix24__activity_bindings') }}
  union all
  select activity_id from {{ ref('stg_bitrix24__activities') }}
  where modified_at >= {{ last_build() }}
  union all
  -- What was planned, and whose moment has come.
  select activity_id from {{ this }}
  where planned_at < {{ as_of() }}
{%- endset -%}
{{ gather_affected(affected) }}
with activities as (

  select * from {{ ref('stg_bitrix24__activities') }}
  {{ affected_only('activity_id') }}

),

bindings as (

  select * from {{ ref('stg_bitrix24__activity_bindings') }}
  {{ affected_only('activity_id') }}

),

dated as (

  select
    activity_id,
    owner_type_id,
    owner_id,
    start_at,
    deadline_at,
    coalesce(subject, 'Дело № ' || activity_id) as subject,
    {{ activity_done_at() }} as done_at
  from activities
  where created_at < {{ as_of() }}

),

planned as (

  select
    *,
    done_at is not null and done_at < {{ as_of() }} as is_done,
    {{ activity_planned_at() }} as planned_at
  from dated

),

judged as (

  select
    activity_id,
    owner_type_id,
    owner_id,
    planned_at,
    case when is_done then done_at end as done_at,
    case when planned_at is not null then subject end as planned_subject
  from planned
  where is_done or planned_at is not null

),

links as (

  select
    activity_id,
    owner_type_id as entity_type_id,
    owner_id as card_id
  from judged
  where owner_type_id in (1, 2, 3, 4) and owner_id is not null
  union
  select
    activity_id,
    entity_type_id,
    entity_id as card_id
  from bindings
  where entity_type_id in (1, 2, 3, 4) and entity_id is not null

),

final as (

  select
    judged.activity_id,
    {{ card_type('links.entity_type_id') }} as card_type,
    links.card_id,
    judged.done_at,
    judged.planned_at,
    judged.planned_subject
  from judged
  inner join links on judged.activity_id = links.activity_id

)

select * from final
