"""Singer target for PostgreSQL: target-postgres with a record path of its own.

`messages` reads lines without parsing what only passes through, `copytext` writes values as COPY wants them, `sink`
merges batches into tables, `target` decides when, and tells the state that is safe.
"""
