"""A whole Django in one file: a target that is not shaped like the study's own.

python articles.py migrate      makes the table
python articles.py seed 1000    fills it
gunicorn articles:application   serves it
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

DATABASE = urlsplit(os.environ.get("DATABASE_URL", "postgresql://localhost/articles"))
PAGE_ARTICLES = 10

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_urlsafe(50),
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": DATABASE.hostname or "",
            "PORT": str(DATABASE.port or ""),
            "NAME": unquote(DATABASE.path.removeprefix("/")),
            "USER": unquote(DATABASE.username or ""),
            "PASSWORD": unquote(DATABASE.password or ""),
        }
    },
)
django.setup()


class Article(models.Model):
    id = models.BigAutoField(primary_key=True)
    headline = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    words = models.IntegerField(default=0)

    class Meta:
        app_label = "articles"

    def __str__(self) -> str:
        return str(self.headline)


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """One page of articles; page 0 is the app's health check and reads nothing."""
    page = int(request.GET.get("page", 1))
    if page == 0:
        return HttpResponse("ok")
    first = (page - 1) * PAGE_ARTICLES
    articles = Article.objects.order_by("id").values("id", "headline", "words")
    return JsonResponse(
        {
            "page": page,
            "articles": list(articles[first : first + PAGE_ARTICLES]),
            "total": Article.objects.count(),
        }
    )


@require_POST
def new(request: HttpRequest) -> HttpResponse:
    """Stores the article in the JSON body."""
    sent = json.loads(request.body)
    article = Article.objects.create(
        headline=sent["headline"], body=sent["body"], words=len(sent["body"].split())
    )
    return JsonResponse({"id": article.id, "headline": article.headline}, status=201)


urlpatterns = [path("articles/", listing), path("articles/new/", new)]

application = get_wsgi_application()


def migrate() -> None:
    """Makes the table, unless it is there."""
    if Article._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(Article)


def seed(count: int) -> None:
    """Fills the table with `count` articles."""
    articles = (Article(headline=f"Article {n}", body="So it goes.", words=3) for n in range(count))
    Article.objects.bulk_create(articles, batch_size=5_000)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["migrate"]:
            migrate()
        case ["seed", count]:
            seed(int(count))
        case _:
            sys.exit("usage: articles.py migrate | articles.py seed COUNT")
