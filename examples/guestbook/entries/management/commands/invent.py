"""Invents entries: `manage.py invent 1000`."""

from django.core.management.base import BaseCommand

from entries.models import Entry


class Command(BaseCommand):
    help = "Adds so many entries."

    def add_arguments(self, parser):
        parser.add_argument("count", type=int)

    def handle(self, count, **options):
        entries = (Entry(name=f"Visitor {n}", words="It was lovely.") for n in range(count))
        Entry.objects.bulk_create(entries, batch_size=5_000)
