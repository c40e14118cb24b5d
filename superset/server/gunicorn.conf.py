"""gunicorn for Superset: threads, since its requests wait for the database."""

import os

bind = f"{os.environ.get('VORONKA_SUPERSET_HOST', '127.0.0.1')}:{os.environ.get('VORONKA_SUPERSET_PORT', '8088')}"
worker_class = "gthread"
workers = int(os.environ.get("VORONKA_SUPERSET_WORKERS", "2"))
threads = 8
timeout = 120
graceful_timeout = 20
# Longer than browsers' and proxies' own (Caddy 2 min): whoever reuses a connection that we close at that moment gets an error.
keepalive = 130
# Long chart requests of links that carry filters.
limit_request_line = 0
limit_request_field_size = 0
# A worker started anew now and then does not grow for ever.
max_requests = 5000
max_requests_jitter = 500
accesslog = None
errorlog = "-"
loglevel = "info"
