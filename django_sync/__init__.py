"""The synchronous target: Django under WSGI, psycopg."""
