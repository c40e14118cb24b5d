{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['deal_id']}],
    meta={
      'key': 'deal_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__deals', 'fct_deals', 'int_deals__stage_intervals']
    }
  )
}}

{{
  open_stays(
    cards='stg_bitrix24__deals',
    fact='fct_deals',
    intervals='int_deals__stage_intervals',
    key='deal_id',
    stage_id='stage_id',
    closed_at='facts.won_at, facts.lost_at',
    has_pipelines=true
  )
}}
