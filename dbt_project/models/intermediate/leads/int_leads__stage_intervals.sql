{{ stage_intervals('stg_bitrix24__lead_stage_history', 'lead_id', 'lead') }}
