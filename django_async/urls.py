"""The routes of the asynchronous target."""

from django.urls import path

from django_async import views

urlpatterns = [
    path("cpu", views.cpu),
    path("io_create", views.io_create),
    path("io_read", views.io_read),
    path("facts", views.facts),
]
