"""Names what became of a request, by the layer that refused it. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection

from rig.load.http.answer import FAILED, MALFORMED, REFUSED, RESET, TIMEOUT, Answer, NoAnswer
from rig.load.http.expected import Expected, differences
from rig.load.http.words import Filling
from rig.model import FAILURE_CLASSES, OUTCOME_OK

WRONG_ANSWER = "wrong_answer"
_PROBLEM_TYPE = "application/problem+json"


def of_answer(status: int, right: Collection[int], content_type: str, body: bytes) -> str:
    """The outcome of an answer that came back whole. `right`: the statuses that are."""
    if status in right:
        return OUTCOME_OK
    if content_type.startswith(_PROBLEM_TYPE):
        try:
            named = json.loads(body).get("class")
        except (ValueError, AttributeError):
            named = None
        if isinstance(named, str) and named in FAILURE_CLASSES:
            return named
    return "app_error" if status >= 500 else "unexpected_status"


def of_wrong(answer: Answer, right: Collection[int]) -> str:
    """The outcome of an answer that came back whole."""
    kind = answer.fields().get("content-type", "")
    try:
        body = answer.body()
    except NoAnswer:  # a body that cannot be read names no class
        body = b""
    return of_answer(answer.status, right, kind, body)


def of_looked_at(answer: Answer, always: Expected, filling: Filling) -> str:
    """The outcome of an answer whose status is right, and which is looked at."""
    return WRONG_ANSWER if wrong_with(answer, always, filling) else OUTCOME_OK


def wrong_with(answer: Answer, always: Expected, filling: Filling) -> str:
    """The first that is not as it should be of an answer of a right status; empty for nothing."""
    try:
        headers = answer.fields() if always.headers else {}
        return next(differences(always, headers, answer.body(), filling), "")
    except NoAnswer as error:  # what cannot be read is not what it should be
        return str(error)


def of_broken(error: BaseException | None) -> str | None:
    """The outcome where an answer broke off after its status had come; None where it did not.

    `error` is what the client noted meanwhile: a status that it takes for a failure, too.
    """
    if error is None or type(error).__name__ == "LocustBadStatusCode":
        return None
    named = of_error(error)
    return named if named in (TIMEOUT, MALFORMED) else RESET


def of_error(error: BaseException | None) -> str:
    """The outcome of a request without a whole answer, from what the client raised."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        names = {kind.__name__ for kind in type(error).__mro__}
        if "ConnectionRefusedError" in names:
            return REFUSED
        if names & {"timeout", "Timeout", "TimeoutError"}:
            return TIMEOUT
        if names & {"ConnectionResetError", "BrokenPipeError", "HTTPConnectionClosed"}:
            return RESET
        if "HTTPParseError" in names:
            # the client has one name for what breaks off and for what is no HTTP
            return RESET if str(error).startswith("Incomplete") else MALFORMED
        # the last as the client gives it that has given up
        error = error.__cause__ or error.__context__ or getattr(error, "original", None)
    return FAILED
