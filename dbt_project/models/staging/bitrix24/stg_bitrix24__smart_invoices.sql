{{
  config(
    materialized='incremental',
    indexes=[
      {'columns': ['smart_invoice_id'], 'unique': true},
      {'columns': ['contact_id']},
      {'columns': ['company_id']}
    ],
    meta={
      'key': 'smart_invoice_id',
      'scope': 'affected',
      'follows': ['stg_bitrix24__smart_invoice_versions', 'stg_bitrix24__deleted_cards']
    }
  )
}}

{{ newest_versions('stg_bitrix24__smart_invoice_versions', 'smart_invoice_id', 'smart_invoices') }}
