"""A Django with sessions, logins and CSRF, in one file, as `docs/sessions-and-logins.md` asks it.

Keeps a list of what each user did, and gives it at /truth/. One process, several threads.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from django.contrib.auth import authenticate, login
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import path

FOLDER, USERS = os.environ["MEMBERS_FOLDER"], int(os.environ["MEMBERS_USERS"])
settings.configure(
    SECRET_KEY="not one",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"{FOLDER}/db.sqlite3",
            "OPTIONS": {"timeout": 30},
        }
    },
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    SESSION_COOKIE_SECURE=True,
    CSRF_COOKIE_SECURE=True,
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)
django.setup()

did: list[tuple[str, str, str]] = []
"""Who, what, and with what."""
guard = threading.Lock()


def note(request: HttpRequest, what: str, detail: str = "") -> None:
    with guard:
        did.append((request.user.get_username(), what, detail))


def log_in(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        token = get_token(request)
        return HttpResponse(f'<form><input name="csrfmiddlewaretoken" value="{token}"></form>')
    user = authenticate(username=request.POST["username"], password=request.POST["password"])
    if user is None:
        return HttpResponse("who?", status=401)
    login(request, user)
    note(request, "login")
    return HttpResponse(status=302, headers={"Location": "/mine/"})


def only_members(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def inner(request: HttpRequest, **words: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return HttpResponse(status=302, headers={"Location": "/login/"})
        return view(request, **words)

    return inner


@only_members
def page(request: HttpRequest, pk: int) -> HttpResponse:
    note(request, "page", str(pk))
    return JsonResponse({"pk": pk, "tags": ["a", {"deep": pk}]})


@only_members
def mine(request: HttpRequest) -> HttpResponse:
    note(request, "mine")
    return HttpResponse(f"<p>Hello {request.user.get_username()}</p>")


@only_members
def write(request: HttpRequest) -> HttpResponse:
    note(request, "write", request.POST["text"])
    made = {"text": request.POST["text"], "tags": request.POST.getlist("tag")}
    return JsonResponse({"data": made}, status=201)


def once(request: HttpRequest) -> HttpResponse:
    note(request, "once")
    with guard:
        times = sum(what == "once" for _, what, _ in did)
    return HttpResponse(status=200 if times == 1 else 429)


def truth(request: HttpRequest) -> HttpResponse:
    with guard:
        return JsonResponse({"did": did})


urlpatterns = [
    path("login/", log_in),
    path("pages/<int:pk>/", page),
    path("mine/", mine),
    path("notes/", write),
    path("once/", once),
    path("truth/", truth),
]
application = get_wsgi_application()


def make_users() -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for number in range(1, USERS + 1):
        User.objects.create_user(f"user{number}", password="secret")


make_users()
