"""The WSGI callable that a server starts: the project's own, wrapped."""

from bench_project import load
from bench_wrapper import Wsgi, wrapped

application = wrapped(load("BENCH_WSGI"), Wsgi)
