"""The REST surface of the portal: transport, methods, encodings, limits and errors as Bitrix24 has them."""
