{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['history_id'], 'unique': true},
      {'columns': ['lead_id']}
    ],
    meta={
      'key': 'lead_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__lead_stage_history', 'stg_bitrix24__deleted_cards'],
      'watches': ['int_stages__dictionary']
    }
  )
}}

{{ stage_intervals('stg_bitrix24__lead_stage_history', 'lead_id', 'lead') }}
