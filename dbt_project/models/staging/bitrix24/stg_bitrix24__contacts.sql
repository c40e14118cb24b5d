{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['contact_id'], 'unique': true},
      {'columns': ['company_id']}
    ],
    meta={
      'key': 'contact_id',
      'logs': ['contact_id', 'phone_key'],
      'scope': 'affected',
      'follows': ['stg_bitrix24__contact_versions', 'stg_bitrix24__deleted_cards']
    }
  )
}}

{{ newest_versions('stg_bitrix24__contact_versions', 'contact_id', 'contacts') }}
