"""The API: pages of items, one item through the cache, a new one."""

import json

from django.http import Http404, HttpResponse, JsonResponse
from django.views import View

from stock import cache
from stock.models import Item

PAGE_ITEMS = 20


class Items(View):
    """A page of items, and a new one."""

    async def get(self, request):
        """The first items by name."""
        items = [item.as_json() async for item in Item.objects.order_by("id")[:PAGE_ITEMS]]
        return JsonResponse({"count": await Item.objects.acount(), "results": items})

    async def post(self, request):
        """Stores the item in the JSON body."""
        try:
            sent = json.loads(request.body)
            sku, name, quantity = sent["sku"], sent["name"], int(sent["quantity"])
        except (ValueError, KeyError, TypeError) as error:
            return JsonResponse({"detail": f"not an item: {error}"}, status=400)
        made = await Item.objects.acreate(sku=sku, name=name, quantity=quantity)
        await cache.keep(made)
        return JsonResponse(made.as_json(), status=201)


async def item(request, item_id):
    """One item: from Redis, or from the database and then kept there."""
    kept = await cache.kept(item_id)
    if kept is None:
        found = await Item.objects.filter(pk=item_id).afirst()
        if found is None:
            raise Http404
        kept = await cache.keep(found)
    return HttpResponse(kept, content_type="application/json")
