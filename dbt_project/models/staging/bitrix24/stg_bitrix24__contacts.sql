{{
  config(
    materialized='table',
    indexes=[{'columns': ['contact_id'], 'unique': true}]
  )
}}

{{ newest_versions('stg_bitrix24__contact_versions', 'contact_id', 'contacts') }}
