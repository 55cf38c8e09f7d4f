"""Every address of the API."""

from django.urls import path

from stock import views

urlpatterns = [
    path("api/items/", views.Items.as_view()),
    path("api/items/<int:item_id>/", views.item),
]
