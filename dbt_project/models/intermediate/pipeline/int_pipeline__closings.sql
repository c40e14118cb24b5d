{{ config(tags=['nightly'], indexes=[{'columns': ['deal_id', 'closed_at'], 'unique': true}]) }}

{{
  closings(
    fact='fct_deals',
    intervals='int_deals__stage_intervals',
    key='deal_id',
    success_at='won_at',
    failure_at='lost_at',
    has_pipelines=true
  )
}}
