{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['client_key'], 'unique': true}],
    meta={'key': 'client_key', 'scope': 'affected', 'follows': ['dim_clients']}
  )
}}
{#- Apart from dim_clients: who shows names of clients is concerned by new names only, not by each win. -#}
{%- set affected -%}
  select client_key from {{ changed_in('dim_clients') }}
{%- endset -%}
{{ gather_affected(affected) }}
with clients as (

  select * from {{ ref('dim_clients') }}
  {{ affected_only('client_key') }}

),

final as (

  select
    client_key,
    client
  from clients

)

select * from final
