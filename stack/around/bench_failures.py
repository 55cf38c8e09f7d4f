"""Says in a line of the app's log what a request failed of: with DEBUG off Django logs nothing."""

from __future__ import annotations

import sys
import traceback
from typing import Any

FAILED = "request failed: "
MOST_CHARS = 400


def tell() -> None:
    """From now on, each exception that Django answers by a 500; nothing without Django."""
    try:
        from django.core.signals import got_request_exception
    except ImportError:
        return
    got_request_exception.connect(_print_failure, weak=False)


def _print_failure(**_: Any) -> None:
    error = sys.exc_info()[1]
    if error is not None:
        lines = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()
        print(f"{FAILED}{lines[0][:MOST_CHARS]}", file=sys.stderr, flush=True)
