{{ stage_intervals('stg_bitrix24__deal_stage_history', 'deal_id', 'deal') }}
