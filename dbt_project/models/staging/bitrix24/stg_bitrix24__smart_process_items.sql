{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['entity_type_id', 'smart_process_item_id'], 'unique': true}],
    meta={
      'key': ['entity_type_id', 'smart_process_item_id'],
      'scope': 'affected',
      'follows': ['stg_bitrix24__smart_process_item_versions', 'stg_bitrix24__deleted_cards']
    }
  )
}}

{{
  newest_versions(
    'stg_bitrix24__smart_process_item_versions', ['entity_type_id', 'smart_process_item_id'], 'smart_process_items'
  )
}}
