"""What the Makefile calls: environments, embedded PostgreSQL, supervised processes, refresh, checks."""
