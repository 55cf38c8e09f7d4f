"""Fills the stock: `manage.py fill 1000`."""

from django.core.management.base import BaseCommand

from stock.models import Item


class Command(BaseCommand):
    help = "Adds so many items."

    def add_arguments(self, parser):
        parser.add_argument("count", type=int)

    def handle(self, count, **options):
        items = (Item(sku=f"sku-{n}", name=f"Item {n}", quantity=n % 50) for n in range(count))
        Item.objects.bulk_create(items, batch_size=5_000)
