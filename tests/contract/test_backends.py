"""The fake backend keeps what every backend promises; the real ones' own tests hold them to it."""

from __future__ import annotations

import pytest

from tests.contract.backends import EACH_PROMISE, Promise
from tests.runs import Session
from tests.warm import fake_session

ONE_TRIAL = """\
experiment: one
vary: {route: [io_create], target: [async], delay_ms: [20]}
load: {users: {from: 2, per_s: 2, to: 4}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """One trial."""
    return fake_session(ONE_TRIAL, tmp_path_factory.mktemp("one"))


@EACH_PROMISE
def test_it_keeps_what_every_backend_promises(promise: Promise, session: Session) -> None:
    (attempt,) = session.attempts()
    promise(session, attempt, session)


def test_the_load_is_the_one_asked_for(session: Session) -> None:
    (attempt,) = session.attempts()
    assert attempt.manifest["load"]["peak_users"] == 4
