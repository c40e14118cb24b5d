{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['deal_id'], 'unique': true}],
    meta={
      'key': 'deal_id',
      'scope': 'affected',
      'follows': [
        'stg_bitrix24__deals', 'stg_bitrix24__deal_versions', 'int_deals__stage_intervals'
      ],
      'watches': ['int_stages__dictionary']
    }
  )
}}

{{
  stage_lifecycle(
    cards='stg_bitrix24__deals',
    versions='stg_bitrix24__deal_versions',
    intervals='int_deals__stage_intervals',
    key='deal_id',
    entity='deal',
    stage_id='stage_id',
    closed_at=local_midnight('cards.close_date')
  )
}}
