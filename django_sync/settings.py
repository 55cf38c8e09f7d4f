"""Settings of the synchronous target: those in common, and what only it has."""

from posts.settings import *  # noqa: F403
from posts.settings import CONNECTIONS, postgres

ROOT_URLCONF = "django_sync.urls"
WSGI_APPLICATION = "django_sync.wsgi.application"

DATABASES = {"default": postgres(CONNECTIONS)}
