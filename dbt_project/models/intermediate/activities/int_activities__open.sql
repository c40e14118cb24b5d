{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['activity_id'], 'unique': true}],
    meta={
      'key': 'activity_id',
      'logs': [],
      'scope': 'affected',
      'follows': ['stg_bitrix24__activities'],
      'watches': ['stg_bitrix24__portal.portal_url']
    }
  )
}}
{%- set affected -%}
  select activity_id from {{ changed_in('stg_bitrix24__activities') }}
  union all
  select activity_id from {{ ref('stg_bitrix24__activities') }}
  where modified_at >= {{ last_build() }}
  union all
  -- What was planned, and whose moment has come.
  select activity_id from {{ this }}
  where not is_overdue and due_at < {{ as_of() }}
{%- endset -%}
{{ gather_affected(affected) }}
with activities as (

  select * from {{ ref('stg_bitrix24__activities') }}
  {{ affected_only('activity_id') }}

),

portal as (

  select * from {{ ref('stg_bitrix24__portal') }}

),

dated as (

  select
    *,
    {{ activity_done_at() }} as done_at
  from activities
  where created_at < {{ as_of() }}

),

planned as (

  select
    *,
    {{ activity_planned_at() }} as planned_at
  from dated
  where done_at is null or done_at >= {{ as_of() }}

),

-- What nobody dated is planned for no day, and overdue on none.
final as (

  select
    planned.activity_id,
    case
      when planned.type_id = 1 then 'meeting'
      when planned.type_id = 2 then 'call'
      when planned.type_id = 4 then 'email'
      when planned.type_id = 3 or planned.provider_id = 'CRM_TODO' then 'task'
      else 'other'
    end as kind,
    coalesce(planned.subject, 'Дело № ' || planned.activity_id) as subject,
    planned.manager_id,
    {{ card_type('planned.owner_type_id') }} as owner_type,
    planned.owner_id,
    coalesce(planned.planned_at, planned.deadline_at, planned.start_at) as due_at,
    planned.planned_at is null as is_overdue,
    portal.portal_url || {{ owner_path('planned.owner_type_id') }} || '/details/' || planned.owner_id || '/' as crm_url
  from planned
  left join portal on true
  where coalesce(planned.planned_at, planned.deadline_at, planned.start_at) is not null

)

select * from final
