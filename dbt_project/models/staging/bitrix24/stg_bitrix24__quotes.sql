{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['quote_id'], 'unique': true}],
    meta={
      'key': 'quote_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__quote_versions', 'stg_bitrix24__deleted_cards']
    }
  )
}}

{{ newest_versions('stg_bitrix24__quote_versions', 'quote_id', 'quotes') }}
