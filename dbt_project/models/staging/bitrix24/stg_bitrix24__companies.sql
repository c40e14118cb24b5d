{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['company_id'], 'unique': true}],
    meta={
      'key': 'company_id',
      'logs': ['company_id', 'phone_key'],
      'scope': 'affected',
      'follows': ['stg_bitrix24__company_versions', 'stg_bitrix24__deleted_cards']
    }
  )
}}

{{ newest_versions('stg_bitrix24__company_versions', 'company_id', 'companies') }}
