"""Settings of the asynchronous target: those in common, and what only it has.

Django's own connection serves `data_access: orm`, `migrate` and `seed`; under `sql` every
request goes over asyncpg (`django_async/connections.py`).
"""

from django.core.exceptions import ImproperlyConfigured

from posts.settings import *  # noqa: F403
from posts.settings import CONNECTIONS, DATA_ACCESS, postgres

ROOT_URLCONF = "django_async.urls"
ASGI_APPLICATION = "django_async.asgi.application"

if (DATA_ACCESS, CONNECTIONS) == ("orm", "persistent"):
    raise ImproperlyConfigured(
        "BENCH_CONNECTIONS=persistent: under ASGI Django's kept connections are never found "
        "again; use per_request or pool with BENCH_DATA_ACCESS=orm"
    )

DATABASES = {"default": postgres(CONNECTIONS if DATA_ACCESS == "orm" else "per_request")}
