{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['lead_id'], 'unique': true},
      {'columns': ['contact_id']},
      {'columns': ['company_id']}
    ],
    meta={
      'key': 'lead_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__lead_versions', 'stg_bitrix24__deleted_cards']
    }
  )
}}

{{ newest_versions('stg_bitrix24__lead_versions', 'lead_id', 'leads') }}
