"""What images are built from."""

from __future__ import annotations

from rig.backends.specs import PROJECT

FOLDERS = ("locust_master", "locust_worker", "django_sync", "django_async", "stack/database",
           "stack/pooler")  # fmt: skip


def test_no_two_dockerfiles_are_alike_to_buildkit() -> None:
    """It takes one for the other where size and time are equal, as a checkout may make them.

    See https://github.com/moby/buildkit/issues/1368: a load worker's image was a load master's.
    """
    sizes = {name: (PROJECT / name / "Dockerfile").stat().st_size for name in FOLDERS}
    assert len(set(sizes.values())) == len(sizes), sizes
