"""Pages: the entries, a form behind CSRF, and one that asks for a login."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.urls import reverse_lazy
from django.views.generic import CreateView, ListView

from entries.models import Entry


class Entries(ListView):
    """A page of entries."""

    queryset = Entry.objects.order_by("id")
    paginate_by = 25


class Sign(CreateView):
    """The form for a new entry."""

    model = Entry
    fields = ("name", "words")
    success_url = reverse_lazy("entries")


class Mine(LoginRequiredMixin, ListView):
    """A visitor's own entries."""

    def get_queryset(self):
        return Entry.objects.filter(name=self.request.user.get_username())
