{{
  config(
    materialized='table',
    indexes=[{'columns': ['company_id'], 'unique': true}]
  )
}}

{{ newest_versions('stg_bitrix24__company_versions', 'company_id', 'companies') }}
