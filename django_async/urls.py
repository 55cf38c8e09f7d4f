"""The routes of the asynchronous target."""

from django.urls import path

from django_async import views
from posts.http import ready

urlpatterns = [
    path("cpu", views.cpu),
    path("io_create", views.io_create),
    path("io_read", views.io_read),
    path("-/ready", ready),
    path("-/facts", views.facts),
]
