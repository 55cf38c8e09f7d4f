"""The pooler role: a real PgBouncer in transaction mode."""
