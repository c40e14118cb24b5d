"""The demonstration portal: a REST server shaped like Bitrix24 over an invented company."""
