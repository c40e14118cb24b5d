{{
  config(
    materialized='table',
    indexes=[{'columns': ['smart_invoice_id'], 'unique': true}]
  )
}}

{{ newest_versions('stg_bitrix24__smart_invoice_versions', 'smart_invoice_id', 'smart_invoices') }}
