"""An answer beside what its route expects: the one line that says how they differ. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rig.load.http.expected import Expected, beginning, differences, json_of
from rig.load.http.words import Filling
from rig.plan import Route


@dataclass(frozen=True)
class Response:
    """Status 0: nobody answered, and `body` says why."""

    status: int
    body: bytes
    location: str = ""
    """Where it leads, as it says so."""

    @property
    def begins(self) -> str:
        """The beginning of the body, on one line; of a page its title."""
        return beginning(self.body)

    def json(self) -> Any:
        """The body as JSON; ValueError where it is none."""
        return json_of(self.body)


def wrong_with(route: Route, answer: Response, headers: Mapping[str, str], filling: Filling) -> str:
    """What the route does not expect of its answer; empty for nothing.

    `headers`: the answer's, their names in lower case. `filling`: what the words stand for.
    """
    if answer.status not in route.statuses:
        said = f"it leads to {answer.location}" if answer.location else answer.begins
        right = " or ".join(map(str, route.statuses))
        return f"status {answer.status} instead of {right}: {said}"
    return "; ".join(
        problem
        for expected in (route.expected, route.always or Expected())
        for problem in differences(expected, headers, answer.body, filling)
    )
