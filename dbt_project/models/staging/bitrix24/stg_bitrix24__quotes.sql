{{
  config(
    materialized='table',
    indexes=[{'columns': ['quote_id'], 'unique': true}]
  )
}}

{{ newest_versions('stg_bitrix24__quote_versions', 'quote_id', 'quotes') }}
