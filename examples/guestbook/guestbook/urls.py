"""Every address of the guestbook."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from entries import views

urlpatterns = [
    path("", views.Entries.as_view(), name="entries"),
    path("sign/", views.Sign.as_view(), name="sign"),
    path("mine/", views.Mine.as_view(), name="mine"),
    path("accounts/login/", LoginView.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
]
