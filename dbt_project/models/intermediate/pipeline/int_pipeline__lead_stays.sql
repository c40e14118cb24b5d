{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['lead_id']}],
    meta={
      'key': 'lead_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__leads', 'fct_leads', 'int_leads__stage_intervals']
    }
  )
}}

{{
  open_stays(
    cards='stg_bitrix24__leads',
    fact='fct_leads',
    intervals='int_leads__stage_intervals',
    key='lead_id',
    stage_id='status_id',
    closed_at='facts.qualified_at, facts.junk_at',
    has_pipelines=false
  )
}}
