{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['call_id', 'card_type', 'card_id'], 'unique': true},
      {'columns': ['card_type', 'card_id']}
    ],
    meta={
      'key': 'call_id',
      'scope': 'affected',
      'follows': [
        'int_calls__legs',
        'stg_bitrix24__activities',
        'stg_bitrix24__activity_versions',
        'stg_bitrix24__activity_bindings'
      ]
    }
  )
}}
{#- An activity that changed concerns the calls that name it, and those that it names. -#}
{%- set affected -%}
  with changed as (
    select activity_id from {{ changed_in('stg_bitrix24__activities') }}
    union
    select activity_id from {{ changed_in('stg_bitrix24__activity_versions') }}
    union
    select activity_id from {{ changed_in('stg_bitrix24__activity_bindings') }}
  )
  select attempt_id as call_id from {{ changed_in('int_calls__legs') }}
  union all
  select legs.attempt_id as call_id from (select * from {{ ref('int_calls__legs') }}) as legs
  inner join changed on legs.activity_id = changed.activity_id
  union all
  select legs.attempt_id as call_id
  from changed
  inner join (select * from {{ ref('stg_bitrix24__activity_versions') }}) as versions on changed.activity_id = versions.activity_id
  inner join (select * from {{ ref('int_calls__legs') }}) as legs on substring(versions.origin_id from '^VI_(.*)$') = legs.call_code
{%- endset -%}
{{ gather_affected(affected) }}
with legs as (

  select * from {{ ref('int_calls__legs') }}
  {{ affected_only('attempt_id') }}

),

activities as {{ read_in_place() }} (

  select * from {{ ref('stg_bitrix24__activities') }}

),

bindings as (

  select * from {{ ref('stg_bitrix24__activity_bindings') }}

),

-- The call's record names its activity; where it does not yet, the activity names the call.
leg_activities as (

  select
    attempt_id,
    activity_id
  from legs
  where activity_id is not null
  union
  select
    legs.attempt_id,
    activities.activity_id
  from legs
  inner join activities on 'VI_' || legs.call_code = activities.origin_id
  where legs.activity_id is null

),

final as (

  select
    attempt_id as call_id,
    crm_entity_type as card_type,
    crm_entity_id as card_id
  from legs
  where crm_entity_type in ('lead', 'deal', 'contact', 'company') and crm_entity_id is not null
  union
  select
    leg_activities.attempt_id as call_id,
    {{ card_type('activities.owner_type_id') }} as card_type,
    activities.owner_id as card_id
  from leg_activities
  inner join activities on leg_activities.activity_id = activities.activity_id
  where activities.owner_type_id is not null and activities.owner_id is not null
  union
  select
    leg_activities.attempt_id as call_id,
    {{ card_type('bindings.entity_type_id') }} as card_type,
    bindings.entity_id as card_id
  from leg_activities
  inner join bindings on leg_activities.activity_id = bindings.activity_id
  where bindings.entity_type_id is not null and bindings.entity_id is not null

)

select * from final
