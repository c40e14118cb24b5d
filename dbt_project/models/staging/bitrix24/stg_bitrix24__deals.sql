{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['deal_id'], 'unique': true},
      {'columns': ['lead_id']},
      {'columns': ['contact_id']},
      {'columns': ['company_id']}
    ],
    meta={
      'key': 'deal_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__deal_versions', 'stg_bitrix24__deleted_cards']
    }
  )
}}

{{ newest_versions('stg_bitrix24__deal_versions', 'deal_id', 'deals') }}
