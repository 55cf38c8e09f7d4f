"""Redis: each item's JSON, for a minute."""

import json

from django.conf import settings
from redis.asyncio import Redis

KEPT_S = 60

client = Redis.from_url(settings.REDIS_URL, decode_responses=True)


async def kept(item_id):
    """The item's JSON; None where it is not kept."""
    return await client.get(f"item:{item_id}")


async def keep(item):
    """Keeps the item's JSON, and returns it."""
    text = json.dumps(item.as_json())
    await client.set(f"item:{item.pk}", text, ex=KEPT_S)
    return text
