"""The load's JSON file, as the load master and every load worker read it. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

from rig.disk.typed import fitted
from rig.load.http.asked import RouteRequest
from rig.load.http.sessions import Session
from rig.load.shape import Arrivals, Closed, Open, model_of, model_to_json, users_of
from rig.load.think import Think
from rig.load.users_file import UsersFile

SPEC_VARIABLE = "LOAD_SPEC"
OUT_VARIABLE = "LOAD_OUT"
Client = Literal["plain", "locust"]
PLAIN: Client = "plain"
LOCUST: Client = "locust"
CLIENTS = (PLAIN, LOCUST)
"""Who sends: the rig's own client, or Locust's FastHttpUser as the reference beside it."""


GATHERING_S, SESSION_S = 60.0, 10.0
"""How long users may take to be there at all, and for each session that is due."""


def gathering_deadline_s(model: Closed | Open, with_sessions: bool) -> float:
    """How long all users together may take before the load begins."""
    if not with_sessions:
        return GATHERING_S
    users = model.most_in_flight
    return GATHERING_S + model.first_turn_s(users) + SESSION_S * users


@dataclass(frozen=True)
class LoadSpec:
    """What both kinds of load process need; addresses are those of the control link."""

    target_url: str
    route: str
    """What is measured: the name of a route, or of a mix."""
    requests: tuple[RouteRequest, ...]
    """One, or those of a mix."""
    model: Closed | Open
    steady_s: float
    timeout_s: float
    load_workers: int
    master_address: str
    master_port: int = 5557
    clock_port: int = 0
    """Where the load master tells observers the time; 0: nowhere."""
    connect_deadline_s: float = 60.0
    client: Client = LOCUST
    ca: str = ""
    """Who vouches for the target over TLS (PEM)."""
    weights: tuple[int, ...] = (1,)
    """Of the requests: how often each is sent."""
    seed: int = 1
    """Decides who sends which, and thinks how long."""
    session: Session | None = None
    """What each user does before its first request."""
    think: Think | None = None
    """Of a mix's users, in the place of the model's."""
    raw: bool = False
    """Whether every single request is written down, too."""
    users_file: UsersFile | None = None
    """Somebody's own Locust file, whose users send what they like instead."""
    headless: bool = True
    """False: Locust's own page on port 8089 instead of the plan's ramp."""

    @property
    def ramp_s(self) -> float:
        """When the steady window begins, in seconds."""
        return self.model.ramp_s

    @property
    def gathering_deadline_s(self) -> float:
        """How long users may take to be there, past their sessions, before the load begins."""
        return gathering_deadline_s(self.model, self.session is not None)

    def session_due_s(self, number: int) -> float:
        """When the user of that number, from 1 on, may begin its session.

        In seconds since all users were made: sessions have the load's ramp, or steps, before the
        load does. By hand at once, for so Locust's own page makes each user.
        """
        return self.model.first_turn_s(number) if self.session and self.headless else 0.0

    @property
    def duration_s(self) -> float:
        """Ramp and steady window, in seconds."""
        return self.ramp_s + self.steady_s

    def to_json(self) -> dict[str, Any]:
        """The contents of its file."""
        said = asdict(self)
        del said["model"]
        return {**said, **model_to_json(self.model)}


def read_spec(path: Path) -> LoadSpec:
    """The spec in a JSON file; TypeError where it has other keys."""
    data = json.loads(path.read_text())
    arrivals = Arrivals(**said) if (said := data.pop("arrivals", None)) else None
    model = model_of(users_of(data.pop("users")), data.pop("think_time_s"), arrivals)
    fields: dict[str, Any] = dict(fitted(Sent, data))
    return LoadSpec(**{**fields, "model": model})


class Sent(TypedDict, total=False):
    """The part of the file that says what is sent."""

    requests: tuple[RouteRequest, ...]
    weights: tuple[int, ...]
    session: Session | None
    think: Think | None
    users_file: UsersFile | None
