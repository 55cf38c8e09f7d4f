"""The asynchronous target: Django under ASGI, asyncpg."""
