"""gunicorn's configuration for targets that start themselves: the one of `stack/around`."""

from bench_gunicorn import *  # noqa: F403
