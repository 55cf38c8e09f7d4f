"""Counts what views answer, in the mapped file of `stack/around/bench_counters.py`.

For targets that start themselves; around a `django:` target the wrapper counts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from bench_counters import ours


def counted(view: Callable[..., Any]) -> Callable[..., Any]:
    """Counts a view's requests, sync or async, under its name as the route."""
    route = view.__name__

    @wraps(view)
    def sync_view(*args: Any, **kwargs: Any) -> Any:
        counters, correct = ours(), False
        counters.begin()
        try:
            answer = view(*args, **kwargs)
            correct = answer.status_code < 400
            return answer
        finally:
            counters.end(route, correct)

    @wraps(view)
    async def async_view(*args: Any, **kwargs: Any) -> Any:
        counters, correct = ours(), False
        counters.watch_loop()
        counters.begin()
        try:
            answer = await view(*args, **kwargs)
            correct = answer.status_code < 400
            return answer
        finally:
            counters.end(route, correct)

    return async_view if iscoroutinefunction(view) else sync_view
