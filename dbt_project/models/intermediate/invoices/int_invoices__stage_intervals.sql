{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['history_id'], 'unique': true},
      {'columns': ['smart_invoice_id']}
    ],
    meta={
      'key': 'smart_invoice_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__smart_invoice_stage_history', 'stg_bitrix24__deleted_cards'],
      'watches': ['int_stages__dictionary']
    }
  )
}}

{{ stage_intervals('stg_bitrix24__smart_invoice_stage_history', 'smart_invoice_id', 'smart_invoice') }}
