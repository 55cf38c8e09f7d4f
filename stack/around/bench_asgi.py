"""The ASGI callable that a server starts: the project's own, wrapped."""

from bench_project import load
from bench_wrapper import Asgi, wrapped

application = wrapped(load("BENCH_ASGI"), Asgi)
