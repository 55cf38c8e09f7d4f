"""What is in stock."""

from django.db import models


class Item(models.Model):
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    quantity = models.IntegerField(default=0)

    def as_json(self):
        """What the API tells of it."""
        return {"id": self.pk, "sku": self.sku, "name": self.name, "quantity": self.quantity}
