"""Two users whose only difference is their base class; run in a process of its own by a test.

    python -m tests.unit.load.users.asking_users plain|locust URL

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

FILE = ("a.txt", "text ü", "text/plain", {"X-Part": "1"}, "edge")
"""With a boundary that is known, so that what is sent can be compared."""


def calls(user: Any, url: str) -> list[Any]:
    """What the calls of a user's file give, one by one."""
    client = user.client
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
    me = {"User-Agent": "me"}
    note(client.post("/echo", files={"f": FILE}, data={"a": ["1", "2"], "b": None}, headers=me))
    said.append(client.put("/echo", files=[("f", ("b", b"bytes"))], headers=me).status_code)
    note(client.post("/again", data={"a": "1"}, headers=me))
    note(client.post("/moved", data={"a": "1"}, headers=me))
    note(client.get("/moved", max_redirects=0))
    note(client.get("/round", max_redirects=2))
    with client.get("/lines", stream=True, catch_response=True) as answer:
        said.append("".join(answer.iter_content(4)))
    said.append(b"".join(client.get("/lines", stream=True).iter_content(4, decode_content=False)))
    said[-1] = said[-1].decode()
    said.append(list(client.iter_lines("/lines")))
    note(client.get("/json", stream=True))
    with user.rest("GET", "/json") as answer:
        said.append(answer.js["path"])
    with user.rest("GET", "/echo-no-json", headers=me) as answer:
        said.append(answer.js is None)
    return said


REFUSED: list[dict[str, Any]] = [
    {"max_retries": 3}, {"proxies": {"http": "x"}}, {"nonsense": None},
    {"files": {"f": b"x"}, "data": "text"}, {"cookies": {"a": "no\r\nway"}},
]  # fmt: skip


def refused(client: Any) -> list[str]:
    """What this client alone says of keywords that it cannot heed."""
    said = []
    for keywords in REFUSED:
        try:
            client.post("/echo", **keywords)
        except (TypeError, ValueError) as error:
            said.append(f"{type(error).__name__}: {error}")
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
    told = {"said": calls(user, url), "fired": list(fired)}
    if kind == "plain":
        told["refused"] = refused(user.client)
        sent = user.client.get("/echo", cookies={"own": "1"}, headers={"User-Agent": "me"}).json()
        told["cookie"] = sent["headers"]["cookie"]
        try:
            type("Proxied", (base,), {"host": url, "proxy_host": "x"})(environment)
        except locust.exception.StopTest as error:
            told["refused"].append(str(error))
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
