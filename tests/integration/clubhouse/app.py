"""A Django with sessions, logins and CSRF on Postgres: what a mix with logins is proved on.

python app.py migrate | seed COUNT;  gunicorn app:application. Passwords are hashed as Django does.
"""

import os
import sys

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not one",
    USE_TZ=True,
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
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ.get("PGHOST", ""),
            "PORT": os.environ.get("PGPORT", ""),
            "NAME": os.environ.get("PGDATABASE", ""),
            "USER": os.environ.get("PGUSER", ""),
        }
    },
)
django.setup()

from django.contrib.auth import authenticate, login  # noqa: E402
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse  # noqa: E402
from django.middleware.csrf import get_token  # noqa: E402
from django.urls import path  # noqa: E402

USERS = 200


class Login(models.Model):
    name = models.CharField(max_length=100)

    class Meta:
        app_label = "club"


class Note(models.Model):
    text = models.CharField(max_length=100)
    owner = models.CharField(max_length=100)

    class Meta:
        app_label = "club"


class Visit(models.Model):
    owner = models.CharField(max_length=100)

    class Meta:
        app_label = "club"


def log_in(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        token = get_token(request)
        return HttpResponse(f'<form><input name="csrfmiddlewaretoken" value="{token}"></form>')
    user = authenticate(username=request.POST["username"], password=request.POST["password"])
    if user is None:
        return HttpResponse("who?", status=401)
    login(request, user)
    Login.objects.create(name=user.get_username())
    return HttpResponse(status=302, headers={"Location": "/mine/"})


def articles(request: HttpRequest, pk: int) -> HttpResponse:
    return JsonResponse({"pk": pk, "note": Note.objects.get(pk=pk).text})


def mine(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"<p>Hello {request.user.get_username()}</p>")


def visit(request: HttpRequest) -> HttpResponse:
    Visit.objects.create(owner=request.user.get_username())
    return HttpResponse("seen")


asked_once: list[str] = []


def once(request: HttpRequest) -> HttpResponse:
    """Right for whoever asks first; then there were too many."""
    asked_once.append(request.path)
    return HttpResponse(status=200 if len(asked_once) == 1 else 429)


def write(request: HttpRequest) -> HttpResponse:
    made = Note.objects.create(text=request.POST["text"], owner=request.user.get_username())
    return JsonResponse({"text": made.text, "owner": made.owner}, status=201)


urlpatterns = [
    path("login/", log_in),
    path("articles/<int:pk>/", articles),
    path("mine/", mine),
    path("visit/", visit),
    path("notes/", write),
    path("once/", once),
]
application = get_wsgi_application()


def migrate() -> None:
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for model in (Login, Note, Visit):
            editor.create_model(model)


def seed(count: int) -> None:
    secret = make_password("secret")
    User.objects.bulk_create(
        User(username=f"user{number}", password=secret) for number in range(1, USERS + 1)
    )
    Note.objects.bulk_create(Note(text=f"Note {n}", owner="nobody") for n in range(count))


if __name__ == "__main__":
    if sys.argv[1] == "migrate":
        migrate()
    else:
        seed(int(sys.argv[2]))
