"""The settings module of a `django:` target: its own (BENCH_SETTINGS), the cell's laid over it."""

from __future__ import annotations

import os
from importlib import import_module

import bench_overlay

_own = import_module(os.environ["BENCH_SETTINGS"])
_values = {name: getattr(_own, name) for name in dir(_own) if name.isupper()}
globals().update({**_values, **bench_overlay.laid_over(_values)})
