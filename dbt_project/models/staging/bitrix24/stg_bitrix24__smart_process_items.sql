{{
  config(
    materialized='table',
    indexes=[{'columns': ['entity_type_id', 'smart_process_item_id'], 'unique': true}]
  )
}}

{{
  newest_versions(
    'stg_bitrix24__smart_process_item_versions', ['entity_type_id', 'smart_process_item_id'], 'smart_process_items'
  )
}}
