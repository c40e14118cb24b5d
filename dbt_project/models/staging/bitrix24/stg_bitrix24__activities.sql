{{ newest_versions('stg_bitrix24__activity_versions', 'activity_id', 'activities') }}
