{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['lead_id'], 'unique': true}],
    meta={
      'key': 'lead_id',
      'scope': 'affected',
      'follows': [
        'stg_bitrix24__leads', 'stg_bitrix24__lead_versions', 'int_leads__stage_intervals'
      ],
      'watches': ['int_stages__dictionary']
    }
  )
}}

{{
  stage_lifecycle(
    cards='stg_bitrix24__leads',
    versions='stg_bitrix24__lead_versions',
    intervals='int_leads__stage_intervals',
    key='lead_id',
    entity='lead',
    stage_id='status_id',
    closed_at='cards.closed_at'
  )
}}
