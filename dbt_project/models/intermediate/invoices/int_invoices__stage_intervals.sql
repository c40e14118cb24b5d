{{ stage_intervals('stg_bitrix24__smart_invoice_stage_history', 'smart_invoice_id', 'smart_invoice') }}
