{{
  config(
    materialized='table',
    indexes=[{'columns': ['deal_id'], 'unique': true}]
  )
}}

{{ newest_versions('stg_bitrix24__deal_versions', 'deal_id', 'deals') }}
