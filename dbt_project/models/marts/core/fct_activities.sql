{{
  config(
    materialized='incremental',
    meta={
      'key': 'activity_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__activities', 'int_managers__known'],
      'watches': ['stg_bitrix24__portal.portal_url']
    }
  )
}}
{{ take_up_published() }}
{%- set affected -%}
  select activity_id from {{ changed_in('stg_bitrix24__activities') }}
  union all
  select activity_id from {{ ref('stg_bitrix24__activities') }}
  where modified_at >= {{ last_build() }}
  {{- of_changed_managers('stg_bitrix24__activities', 'activity_id', ['manager_id']) }}
{%- endset -%}
{{ gather_affected(affected) }}
with activities as (

  select * from {{ ref('stg_bitrix24__activities') }}
  {{ affected_only('activity_id') }}

),

managers as (

  select * from {{ ref('int_managers__known') }}

),

portal as (

  select * from {{ ref('stg_bitrix24__portal') }}

),

completed as (

  select
    activities.*,
    case
      when type_id = 1 then 'meeting'
      when type_id = 4 and direction_id = 2 then 'email'
      when type_id = 3 or provider_id = 'CRM_TODO' then 'task'
    end as kind,
    case
      when end_at between created_at and modified_at then end_at
      else modified_at
    end as done_at,
    {{ owner_path('owner_type_id') }} as owner_path
  from activities
  where is_completed

),

final as (

  select
    completed.activity_id,
    completed.kind,
    coalesce(managers.manager_id, 0) as manager_id,
    completed.done_at,
    coalesce(completed.subject, 'Дело № ' || completed.activity_id) as subject,
    portal.portal_url || completed.owner_path || '/details/' || completed.owner_id || '/' as crm_url
  from completed
  left join managers on completed.manager_id = managers.manager_id
  left join portal on true
  where
    completed.kind is not null
    and completed.done_at < {{ as_of() }}
  order by completed.done_at

)

select * from final
