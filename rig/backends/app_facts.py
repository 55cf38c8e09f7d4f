"""What a target says of itself, at the path that it names for that."""

from __future__ import annotations

from rig.backends import http, said
from rig.disk.facts import Facts
from rig.model import StackError
from rig.plan import Target


def app_facts(url: str, target: Target) -> Facts:
    """Nothing where it names no path, or is served without its wrapper. StackError for no JSON."""
    path = target.facts
    if not path:
        return {}
    answer = http.get(f"{url}{path}", http.vouching(target))
    if target.django and answer.status == 404:
        return {}  # it is served without its wrapper
    if len(answer.body) > said.MOST_BYTES:
        raise StackError(f"{path} has more than {said.MOST_BYTES} bytes")
    try:
        return {"app": answer.json()}
    except ValueError as error:
        begins = answer.body[:80].decode(errors="replace")
        raise StackError(f"{path} is not JSON (status {answer.status}: {begins!r})") from error
