{{ config(indexes=[{'columns': ['lead_id', 'closed_at'], 'unique': true}]) }}

{{
  closings(
    fact='fct_leads',
    intervals='int_leads__stage_intervals',
    key='lead_id',
    success_at='qualified_at',
    failure_at='junk_at',
    has_pipelines=false
  )
}}
