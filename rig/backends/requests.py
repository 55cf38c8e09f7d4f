"""What is sent for each route of a plan, with what stands in files beside the target.

May not know who sends it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from hashlib import sha256
from pathlib import Path

import psycopg

from rig.backends.database import Login
from rig.disk.files import read_bytes
from rig.load.http.asked import FilePart, RouteRequest
from rig.load.http.csv_column import MOST_VALUES, column_of
from rig.load.http.expected import Expected
from rig.load.http.request import encoded
from rig.load.http.sessions import Session, Step
from rig.load.http.values import Values
from rig.load.http.words import OWN_WORDS, Filling, fill
from rig.model import DamagedFile, StackError
from rig.plan import Data, Plan, Route, Target
from rig.route import File, SessionStep, ValueSource

MOST_FILE_BYTES = 8 << 20
READ_ONLY = "SET default_transaction_read_only = on; SET statement_timeout = '60s'"
Rows = Mapping[str, tuple[str | int, ...]]
"""What the database gave, by query."""
NO_ROWS: Rows = {}


def route_request(target: Target, route: Route, words: Sequence[str] = ()) -> RouteRequest:
    """What is sent for a route. `words`: those of its session.

    StackError where one of its files is not as it was planned."""
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
        always=route.always,
        words=(*OWN_WORDS, *route.values, *words),
        values=tuple(_values(target, word, source) for word, source in route.values.items()),
        files=tuple(
            FilePart(field, Path(file.path).name, b64encode(content_of(target, file)).decode())
            for field, file in route.files.items()
        ),
    )


def _values(target: Target, word: str, source: ValueSource) -> Values:
    items = source.items
    if source.csv:
        items = column_of(content_of(target, source.csv), source.column)
    return Values(word, items, source.span, source.query, source.order, source.seed, source.repeats)


def query_values(target: Target, names: Iterable[str], login: Login) -> Rows:
    """What the seeded database gives for some routes and mixes. StackError for nothing.

    Nothing is asked where none of them has a query.
    """
    rows: dict[str, tuple[str | int, ...]] = {}
    for route in _sent_by(target, names):
        for word, source in route.values.items():
            if source.query and source.query not in rows:
                where = f"target {target.name}, route {route.name}, values `{word}`"
                rows[source.query] = _of_query(source.query, login, where)
    return rows


def asks_database(target: Target, name: str) -> bool:
    """Whether what a route or a mix sends hangs on what the seeded database has."""
    return any(one.query for route in _sent_by(target, [name]) for one in route.values.values())


def _sent_by(target: Target, names: Iterable[str]) -> Iterator[Route]:
    """The routes, and the steps of their sessions, as routes."""
    for name in names:
        steps = target.sessions.get(target.session_of(name), ())
        yield from (_as_route(number, step) for number, step in enumerate(steps, 1))
        yield from target.routes_of(name)


def _of_query(query: str, login: Login, where: str) -> tuple[str | int, ...]:
    try:
        with login.connect() as connection:
            connection.execute(READ_ONLY)
            found = connection.execute(query.encode()).fetchmany(MOST_VALUES + 1)
    except psycopg.Error as error:
        says = str(error).strip().partition("\n")[0]
        raise StackError(f"{where}: the database refused its query: {says}") from error
    if not found or not found[0]:
        raise StackError(f"{where}: its query returns no row", "does `seed` make the rows?")
    if len(found) > MOST_VALUES:
        raise StackError(f"{where}: its query returns more than {MOST_VALUES:,} rows", "add LIMIT")
    if any(row[0] is None for row in found):
        raise StackError(f"{where}: its query returns NULL", "add WHERE … IS NOT NULL")
    return tuple(row[0] if isinstance(row[0], int) else str(row[0]) for row in found)


def route_requests(plan: Plan, rows: Rows | None = None) -> tuple[RouteRequest, ...]:
    """What the users of a plan send. `rows`: what the database gave, where it was asked."""
    session = session_of(plan, rows)
    words = session.words if session else ()
    routes = (_with_data(route, plan.data) for route in plan.routes)
    requests = (route_request(plan.target, route, words) for route in routes)
    return tuple(one if rows is None else one.with_rows(rows) for one in requests)


def _with_data(route: Route, data: Data) -> Route:
    """The route, whose answers under load are held against the data's figures."""
    if route.always is None:
        return route
    said = {
        field.name: fill(getattr(route.always, field.name), of_data(data))
        for field in fields(route.always)
    }
    return replace(route, always=Expected(**said))


def of_data(data: Data) -> Filling:
    """What an answer may be held against beside the request's own words."""
    return {"posts": data.posts, "cpu_sum": _sum_of_squares(data.cpu_n)}


def _sum_of_squares(below: int) -> int:
    """0² + 1² + … + (below - 1)²."""
    return (below - 1) * below * (2 * below - 1) // 6


def session_of(plan: Plan, rows: Rows | None = None) -> Session | None:
    """What each user of a plan does first. StackError as of a route."""
    if not plan.session:
        return None
    steps = plan.target.sessions[plan.session]
    takes = (take.word for step in steps for take in step.take)
    words = (*takes, *(word for step in steps for word in step.values))
    session = Session(
        plan.session,
        tuple(
            Step(route_request(plan.target, _as_route(number, step), words), step.take)
            for number, step in enumerate(steps, 1)
        ),
    )
    return session if rows is None else session.with_rows(rows)


def _as_route(number: int, step: SessionStep) -> Route:
    said = {field.name: getattr(step, field.name) for field in fields(step)}
    del said["take"]
    return Route(f"step {number}", **said)


def content_of(target: Target, file: File) -> bytes:
    """What is in a file. StackError where it went or changed since the target was read."""
    try:
        content = read_bytes(Path(target.folder) / file.path, MOST_FILE_BYTES)
    except (OSError, DamagedFile) as error:
        raise StackError(f"target {target.name}: {file.path} cannot be read: {error}") from error
    if sha256(content).hexdigest() != file.sha256:
        what = f"target {target.name}: {file.path} changed since it was read"
        raise StackError(what, "run it again")
    return content
