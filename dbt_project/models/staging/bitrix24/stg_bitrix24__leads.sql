{{
  config(
    materialized='table',
    indexes=[{'columns': ['lead_id'], 'unique': true}]
  )
}}

{{ newest_versions('stg_bitrix24__lead_versions', 'lead_id', 'leads') }}
