{{
  config(
    materialized='incremental',
    meta={
      'key': 'call_id',
      'scope': 'affected',
      'follows': [
        'fct_calls',
        'int_telephony__calls',
        'int_telephony__resolutions',
        'int_telephony__waits',
        'dim_clients',
        'fct_leads'
      ]
    }
  )
}}
{{ take_up_published() }}
{#- A client who is a lead is looked up by its id. -#}
{%- set own_lead = "cast(substring(missed.client_key from '^lead:(\\d+)$') as bigint)" -%}
{%- set affected -%}
  select call_id from {{ changed_in('fct_calls') }}
  union all
  select call_id from {{ changed_in('int_telephony__calls') }}
  union all
  select call_id from {{ changed_in('int_telephony__resolutions') }}
  union all
  select resolutions.call_id from (select * from {{ ref('int_telephony__resolutions') }}) as resolutions
  inner join {{ changed_in('int_telephony__waits') }} on resolutions.first_call_id = changes.first_call_id
  union all
  -- Whose names and responsible employees are others.
  select missed.call_id from {{ this }} as missed
  inner join {{ changed_in('dim_clients') }} on missed.client_key = changes.client_key
  union all
  select missed.call_id from {{ this }} as missed
  inner join {{ changed_in('fct_leads') }} on {{ own_lead }} = changes.lead_id
{%- endset -%}
{{ gather_affected(affected) }}
with calls as (

  select * from {{ ref('fct_calls') }}
  {{ affected_only('call_id') }}

),

known as (

  select * from {{ ref('int_telephony__calls') }}
  {{ affected_only('call_id') }}

),

resolutions as (

  select * from {{ ref('int_telephony__resolutions') }}
  {{ affected_only('call_id') }}

),

waits as (

  select * from {{ ref('int_telephony__waits') }}

),

clients as (

  select * from {{ ref('dim_clients') }}

),

leads as (

  select * from {{ ref('fct_leads') }}

),

missed as (

  select
    calls.*,
    resolutions.first_call_id,
    coalesce(known.client_key, waits.client_key) as client_key,
    calls.phone_key is null as is_hidden,
    calls.phone_key is not null and resolutions.first_call_id = calls.call_id as is_first,
    waits.first_missed_at,
    waits.last_missed_at,
    waits.missed_count,
    waits.attempts_count,
    waits.resolution,
    waits.is_within_norm,
    waits.resolved_call_id,
    waits.resolved_at,
    waits.resolved_by_id,
    waits.waiting_seconds,
    waits.working_seconds
  from calls
  inner join known on calls.call_id = known.call_id
  left join resolutions on calls.call_id = resolutions.call_id
  left join waits on resolutions.first_call_id = waits.first_call_id
  where calls.direction = 'inbound' and not calls.is_answered

),

final as (

  select
    missed.call_id,
    missed.manager_id,
    missed.started_at,
    {{ local_date('missed.started_at') }} as missed_date,
    missed.phone_key,
    missed.failure_code,
    missed.is_hidden,
    missed.is_first,
    missed.first_call_id,
    missed.client_key,
    coalesce(clients.client, leads.title, missed.phone_key, 'Номер скрыт') as client,
    coalesce(nullif(clients.manager_id, 0), nullif(leads.manager_id, 0), missed.manager_id) as responsible_id,
    coalesce(clients.crm_url, leads.crm_url, missed.crm_url) as crm_url,
    coalesce(missed.resolution, 'hidden') as resolution,
    case
      when missed.resolution is null then 'Номер скрыт'
      when missed.resolution = 'open' then 'Связи не было'
      when missed.resolution = 'client_reached_us' then 'Клиент дозвонился сам'
      when missed.is_within_norm then 'Перезвонили вовремя'
      else 'Перезвонили с опозданием'
    end as outcome,
    missed.is_within_norm,
    missed.resolved_call_id,
    missed.resolved_at,
    missed.resolved_by_id,
    missed.first_missed_at,
    missed.last_missed_at,
    missed.missed_count,
    missed.attempts_count,
    missed.waiting_seconds,
    missed.working_seconds
  from missed
  left join clients on missed.client_key = clients.client_key
  left join leads on {{ own_lead }} = leads.lead_id
  order by missed.started_at

)

select * from final
