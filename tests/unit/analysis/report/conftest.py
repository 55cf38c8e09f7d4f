"""A report that many tests look at, made once: it is the largest of all."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.report import report
from tests.hostile_session import hostile_session

URL = "http://127.0.0.1:9/"


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session in which all text is hostile, with its report. Nobody changes it."""
    session = hostile_session(tmp_path_factory.mktemp("hostile") / "s", URL)
    report(session)
    return session
