{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['call_id', 'card_type', 'card_id'], 'unique': true},
      {'columns': ['card_type', 'card_id']}
    ],
    meta={
      'key': 'call_id',
      'logs': ['card_type', 'card_id'],
      'scope': 'affected',
      'follows': ['int_calls__attempts', 'int_calls__cards', 'int_recency__number_clients']
    }
  )
}}
{%- set affected -%}
  select call_id from {{ changed_in('int_calls__attempts') }}
  union all
  select call_id from {{ changed_in('int_calls__cards') }}
  union all
  select attempts.call_id from (select * from {{ ref('int_calls__attempts') }}) as attempts
  inner join {{ changed_in('int_recency__number_clients') }} on attempts.phone_key = changes.phone_key
{%- endset -%}
{{ gather_affected(affected) }}
with attempts as (

  select * from {{ ref('int_calls__attempts') }}
  {{ affected_only('call_id') }}

),

call_cards as (

  select * from {{ ref('int_calls__cards') }}
  {{ affected_only('call_id') }}

),

number_clients as (

  select * from {{ ref('int_recency__number_clients') }}

),

-- Cards of other kinds are cards too: a call that names one is not looked up by its number.
touched as (

  select
    attempts.call_id,
    attempts.started_at,
    attempts.direction,
    attempts.is_successful,
    attempts.manager_id,
    case
      when call_cards.call_id is not null then call_cards.card_type
      else split_part(number_clients.client_key, ':', 1)
    end as card_type,
    case
      when call_cards.call_id is not null then call_cards.card_id
      else cast(split_part(number_clients.client_key, ':', 2) as bigint)
    end as card_id
  from attempts
  left join call_cards on attempts.call_id = call_cards.call_id
  left join number_clients on attempts.phone_key = number_clients.phone_key and call_cards.call_id is null

),

final as (

  select * from touched
  where card_type in ('lead', 'deal', 'contact', 'company')

)

select * from final
