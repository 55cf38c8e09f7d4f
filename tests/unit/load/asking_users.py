"""Two users whose only difference is their base class; run in a process of its own by a test.

    python -m tests.unit.load.asking_users plain|locust URL

Writes what each call gave, and the events that Locust fired for them, as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import locust  # patches the standard library: not in the process of any test
from locust import FastHttpUser
from locust.env import Environment

from rig.load.plain_http_user import PlainHttpUser


def calls(client: Any, url: str) -> list[Any]:
    """What the calls of a user's file give, one by one."""
    said: list[Any] = []

    def note(answer: Any) -> None:
        said.append(
            [answer.status_code, answer.ok, answer.text, bool(getattr(answer, "error", None))]
        )

    note(client.get("/echo?a=b", name="echo", headers={"X-Own": "1", "User-Agent": "me"}))
    note(client.post("/echo", json={"a": [1, "ü"]}, headers={"User-Agent": "me"}))
    note(client.post("/echo", data={"a": "1 2", "b": "ü"}, headers={"User-Agent": "me"}))
    note(client.put("/echo", data="text ü", headers={"User-Agent": "me"}))
    note(client.request("PATCH", f"{url}/echo", data=b"bytes", headers={"User-Agent": "me"}))
    said.append(client.get("/json", params={"q": "ü&1"}).json())
    note(client.get("/json", auth=("me", "secret")))
    note(client.get("/login"))
    note(client.get("/who"))
    note(client.get("/moved"))
    note(client.get("/moved", allow_redirects=False))
    note(client.get("/missing"))
    note(client.get("/broken"))
    with client.rename_request("group"):
        note(client.get("/json"))
    with client.get("/json", catch_response=True) as answer:
        answer.failure("wrong")
    with client.get("/missing", catch_response=True) as answer:
        answer.success()
    with client.get("/missing", catch_response=True) as answer:
        pass
    said.append(answer.headers.get("Content-Type"))
    try:
        client.get("/missing").raise_for_status()
    except Exception:
        said.append("raised")
    try:
        client.get("/json").success()
    except locust.exception.LocustError:
        said.append("no with-block")
    return said


def main(kind: str, url: str) -> None:
    base: Any = PlainHttpUser if kind == "plain" else FastHttpUser
    environment = Environment()
    fired: list[Any] = []

    def note(request_type: str, name: str, exception: object, **rest: Any) -> None:
        fired.append([request_type, name, bool(exception), rest["response_length"]])

    listening: Any = environment.events.request
    listening.add_listener(note)
    user = type("User", (base,), {"host": url})(environment)
    print(json.dumps({"said": calls(user.client, url), "fired": fired}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
