"""Routes, sessions and mixes of one target held together: who begins with what, and which words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic_core import InitErrorDetails

from rig.config.findings import did_you_mean
from rig.config.route import Route
from rig.config.sections import Location, at, wrong
from rig.config.visits import Mixed, Step, step_problems, words_of
from rig.load.http.words import words_in


class Sessions:
    """Which session the users of each route and mix begin with."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        sessions: Mapping[str, Sequence[Step]],
        mixes: Mapping[str, Mixed],
    ) -> None:
        self._routes, self._sessions, self._mixes = routes, sessions, mixes

    def of_mix(self, name: str) -> str:
        """As it says, else as its routes do; empty for none."""
        mix = self._mixes[name]
        said = (self._routes[route].session for route in mix.routes if route in self._routes)
        return mix.session or next((session for session in said if session), "")

    def of_route(self, name: str) -> str:
        """As it says, else that of a mix whose words it uses; empty for none."""
        route = self._routes[name]
        if route.session:
            return route.session
        used = {word for _, text in route.texts() for word in words_in(text)}
        for mix in (mix for mix, said in self._mixes.items() if name in said.routes):
            session = self.of_mix(mix)
            if used & set(words_of(self._sessions.get(session, ()))):
                return session
        return ""


def problems(
    routes: Mapping[str, Route],
    sessions: Mapping[str, Sequence[Step]],
    mixes: Mapping[str, Mixed],
) -> Iterator[InitErrorDetails]:
    """What is wrong with them together."""
    for name, steps in sessions.items():
        yield from step_problems(steps, ("sessions", name))
    for name, mix in mixes.items():
        yield from _of_mix(name, mix, routes, sessions)
    known = Sessions(routes, sessions, mixes)
    of_sessions = {word: name for name, steps in sessions.items() for word in words_of(steps)}
    for name, route in routes.items():
        yield from _named(route.session, ("routes", name, "session"), sessions, "session")
        words = words_of(sessions.get(known.of_route(name), ()))
        yield from route.unknown_words(("routes", name), words, of_sessions)


def _of_mix(
    name: str,
    mix: Mixed,
    routes: Mapping[str, Route],
    sessions: Mapping[str, Sequence[Step]],
) -> Iterator[InitErrorDetails]:
    above = ("mixes", name)
    if name in routes:
        yield at(above, wrong("`{name}` is a route already", "call the mix otherwise"))
    yield from _named(mix.session, (*above, "session"), sessions, "session")
    said = {mix.session} - {None}
    for route in mix.routes:
        yield from _named(route, (*above, "routes", route), routes, "route")
        if route in routes and (own := routes[route].session) and own not in said:
            if said:
                what = f"`{{name}}` begins with session `{own}`, and its mix with another"
                yield at((*above, "routes", route), wrong(what, "a mix has one session for all"))
            said.add(own)


def _named(
    name: str | None, loc: Location, known: Mapping[str, object], kind: str
) -> Iterator[InitErrorDetails]:
    if name is not None and name not in known:
        what = f"the target has no {kind} `{{found}}`"
        yield at(loc, wrong(what, did_you_mean(name, known), found=name))
