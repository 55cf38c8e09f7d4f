"""What is sent for each route of a plan, with what stands in files beside the target.

May not know who sends it.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from rig.disk.files import read_bytes
from rig.load.asked import FilePart, RouteRequest
from rig.load.request import encoded
from rig.model import DamagedFile, StackError
from rig.plan import Plan, Route, Target
from rig.target import File

MOST_FILE_BYTES = 8 << 20


def route_request(target: Target, route: Route) -> RouteRequest:
    """What is sent for a route. StackError where one of its files is not as it was planned."""
    return RouteRequest(
        route=route.name,
        method=route.method,
        path=encoded(route.path),
        statuses=route.statuses,
        headers=dict(route.headers),
        cookies=dict(route.cookies),
        form=dict(route.form),
        json=route.json,
        body=route.body,
        files=tuple(
            FilePart(field, Path(file.path).name, b64encode(content_of(target, file)).decode())
            for field, file in route.files.items()
        ),
    )


def route_requests(plan: Plan) -> tuple[RouteRequest, ...]:
    """What the users of a plan send."""
    return (route_request(plan.target, plan.route),)


def content_of(target: Target, file: File) -> bytes:
    """What is in a file. StackError where it went or changed since the target was read."""
    try:
        content = read_bytes(Path(target.folder) / file.path, MOST_FILE_BYTES)
    except (OSError, DamagedFile) as error:
        raise StackError(f"target {target.name}: {file.path} cannot be read: {error}") from error
    if sha256(content).hexdigest() != file.sha256:
        raise StackError(f"target {target.name}: {file.path} changed since it was read")
    return content
