{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['history_id'], 'unique': true},
      {'columns': ['deal_id']}
    ],
    meta={
      'key': 'deal_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__deal_stage_history', 'stg_bitrix24__deleted_cards'],
      'watches': ['int_stages__dictionary']
    }
  )
}}

{{ stage_intervals('stg_bitrix24__deal_stage_history', 'deal_id', 'deal') }}
