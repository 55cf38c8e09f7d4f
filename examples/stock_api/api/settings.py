"""Settings of the stock API: one module, a database by its URL, Redis beside it."""

import os
from urllib.parse import unquote, urlsplit

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["stock.example.org"]
ROOT_URLCONF = "api.urls"
ASGI_APPLICATION = "api.asgi.application"
INSTALLED_APPS = ["stock"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_database = urlsplit(os.environ.get("DATABASE_URL", "postgresql://stock@localhost/stock"))
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _database.hostname or "",
        "PORT": str(_database.port or ""),
        "NAME": unquote(_database.path.removeprefix("/")),
        "USER": unquote(_database.username or ""),
        "PASSWORD": unquote(_database.password or ""),
    }
}

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379")
