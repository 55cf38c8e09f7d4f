"""What visitors write."""

from django.db import models


class Entry(models.Model):
    name = models.CharField(max_length=100)
    words = models.TextField()
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "entries"

    def __str__(self):
        return self.name
