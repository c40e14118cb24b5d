{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['activity_id'], 'unique': true},
      {'columns': ['origin_id']},
      {'columns': ['modified_at']}
    ],
    meta={
      'key': 'activity_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__activity_versions', 'stg_bitrix24__deleted_cards']
    }
  )
}}

{{ newest_versions('stg_bitrix24__activity_versions', 'activity_id', 'activities') }}
