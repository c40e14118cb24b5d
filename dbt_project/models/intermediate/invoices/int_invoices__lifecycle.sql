{{
  config(
    materialized='incremental',
    indexes=[{'columns': ['smart_invoice_id'], 'unique': true}],
    meta={
      'key': 'smart_invoice_id',
      'scope': 'affected',
      'follows': [
        'stg_bitrix24__smart_invoices', 'stg_bitrix24__smart_invoice_versions', 'int_invoices__stage_intervals'
      ],
      'watches': ['int_stages__dictionary']
    }
  )
}}

{{
  stage_lifecycle(
    cards='stg_bitrix24__smart_invoices',
    versions='stg_bitrix24__smart_invoice_versions',
    intervals='int_invoices__stage_intervals',
    key='smart_invoice_id',
    entity='smart_invoice',
    stage_id='stage_id',
    closed_at=local_midnight('cards.close_date')
  )
}}
