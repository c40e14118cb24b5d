{{ newest_versions('stg_bitrix24__order_versions', 'order_id', none) }}
