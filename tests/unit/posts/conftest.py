"""The app `posts` under the settings of one target, without a database."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_sync.settings")
