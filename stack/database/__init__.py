"""The database role: a real Postgres on a cluster of its own."""
