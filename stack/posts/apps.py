"""The app's Django configuration. Nothing is seeded here: `ready()` runs in every app worker."""

from django.apps import AppConfig


class PostsConfig(AppConfig):
    name = "posts"
    default_auto_field = "django.db.models.BigAutoField"
