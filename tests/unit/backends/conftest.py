"""What the tests of backends share."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.unit.backends.answering import Server, answering


@pytest.fixture
def server() -> Iterator[Server]:
    with answering() as served:
        yield served


@pytest.fixture
def unused_url() -> str:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as briefly:
        return f"http://127.0.0.1:{briefly.server_port}"
