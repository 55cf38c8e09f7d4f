"""Measured once, before a session's first trial: what the load workers can make at all, and what
one unloaded request costs each stack.

The first is a load like any other, against a target that does nothing. The second is a handful
of single requests and some short bursts, at no delay and at a small one: their difference gives
round trips, what remains gives service time. Nothing here is ever assumed of a target.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rig import attempt
from rig.backends.base import Backend, LoadProgress, afterwards
from rig.backends.requests import route_requests, session_of
from rig.backends.templates import TargetError
from rig.calibration import Calibration, calibration_from_json, calibration_to_json
from rig.disk.files import (
    json_of,
    make_folder,
    read_bytes,
    regular_files,
    sha256,
    sync_tree,
    write_atomically,
)
from rig.disk.typed import Unfit
from rig.evidence.calibration import FOLDER, NULL, SCOUT, read_calibration
from rig.factors import FACTORS
from rig.load.scout import UnloadedRequest, UnloadedResults
from rig.model import DamagedFile, Phase, RigError, UsageError
from rig.plan import Cell, Closed, Delay, Plan, Route, Trial, Users
from rig.store.names import CALIBRATION, JOURNAL, MANIFEST, TRIALS
from rig.store.session_folder import SessionFolder, hash_of, holds, new_attempt

NULL_S = 3.0
UNLOADED_DELAYS_MS = (20.0,)
UNLOADED_DELAYS_OF_THREADS_MS = (100.0, 200.0)
"""Of several servers in one process, which wait for each other's CPU in a burst: as long at either
delay, so that the difference of the two says what a round trip costs."""
BURSTS_S, BURSTS_OF_THREADS_S = 2.0, 3.0
"""One burst that takes long is exact enough, unless a difference of two is what it is for."""
REQUESTS = 5
BURST = 8
BURST_ROUNDS = 3
"""A burst is so many times the servers: what comes after the first round queues."""

Levels = tuple[tuple[str, Any], ...]
"""Factor and level of what makes a stack, in a fixed order."""

Say = Callable[[str], None]
NULL_ROUTE = Route("null", "GET", "/")


def of_session(
    folder: SessionFolder, trials: Sequence[Trial], backend: Backend, say: Say, measure: bool = True
) -> Calibration:
    """The session's calibration, read where it was made before, else made for these trials.

    What cannot be measured is left out, with the reason: it ends no session. Without `measure`
    that is everything. TargetError where the first trial's cluster cannot be made: no trial would
    say more. UsageError where it was damaged after trials had been judged by it.
    """
    kept = stored_calibration(folder, _silent)
    if kept is not None:
        return kept
    if measure:
        _measure(folder, [trial for trial in trials if not trial.skip], backend, say)
    made = read_calibration(folder.path)
    _write(folder, made)
    return made


def _silent(_: str) -> None:
    pass


def stored_calibration(folder: SessionFolder, say: Say) -> Calibration | None:
    """The session's calibration as it was made before; None where it has to be made.

    What a crash or a torn file took of it is made again of its raw files. UsageError where that
    cannot be, and trials have been judged by it.
    """
    path, hashes = folder.path / CALIBRATION, folder.journal.files()
    if CALIBRATION not in hashes and not path.exists():
        return None
    have = read_bytes(path) if path.exists() else b""
    if hashes.get(CALIBRATION) == hash_of(have):
        for name in _not_as_hashed(folder, hashes):
            say(f"{name} is not the file whose hash {JOURNAL} has; {CALIBRATION} still is")
        return _decoded(have)
    made = _recomputed(folder)
    if made is not None:
        text = _text(made)
        if hashes.get(CALIBRATION) == hash_of(text.encode()):
            say(f"{CALIBRATION} is made again of its raw files")
            write_atomically(path, text)
            return made
        if CALIBRATION not in hashes and _same(have, text):
            say(f"{JOURNAL} had lost its line of {CALIBRATION}, which is as its raw files give it")
            _write(folder, made)
            return made
    if any(folder.path.glob(f"{TRIALS}/*/attempt-*/{MANIFEST}")):
        raise UsageError(
            f"{folder.name} cannot be resumed: {CALIBRATION} is not what its trials were judged by",
            "it was torn or edited, and cannot be made again of its raw files",
        )
    say(f"{CALIBRATION} was cut short or edited before any trial: it is measured again")
    return None


def _not_as_hashed(folder: SessionFolder, hashes: Mapping[str, str]) -> list[str]:
    """The raw files of the calibration that are gone, or are not those that it was made of."""
    raw = [name for name in hashes if name.startswith(f"{FOLDER}/")]
    return [name for name in raw if not holds(folder.path / name, hashes[name])]


def _decoded(data: bytes) -> Calibration:
    try:
        return calibration_from_json(json_of(data.decode("utf-8", "replace"), CALIBRATION))
    except Unfit as error:
        raise DamagedFile(f"{CALIBRATION}: {error}") from error


def _recomputed(folder: SessionFolder) -> Calibration | None:
    try:
        return read_calibration(folder.path)
    except RigError:  # whatever a raw file is
        return None


def _same(have: bytes, text: str) -> bool:
    try:
        return bool(json_of(have.decode("utf-8", "replace"), CALIBRATION) == json.loads(text))
    except DamagedFile:
        return False


def _text(of: Calibration) -> str:
    return json.dumps(calibration_to_json(of), indent=1) + "\n"


def _write(folder: SessionFolder, made: Calibration) -> None:
    """Once the raw files are on disk: their hashes into the journal, and then what they give."""
    raw = folder.path / FOLDER
    sync_tree(raw)
    hashes = {one.relative_to(folder.path).as_posix(): sha256(one) for one in regular_files(raw)}
    text = _text(made)
    files = {CALIBRATION: hash_of(text.encode()), **hashes}
    folder.journal.append("calibrated", trial="", files=files)
    write_atomically(folder.path / CALIBRATION, text)


def _measure(folder: SessionFolder, trials: Sequence[Trial], backend: Backend, say: Say) -> None:
    say("calibrating: maximum rate of the load workers (null target)")
    _measure_null_target(folder, trials, backend)
    # of a Locust file nobody but its users knows what they ask for
    alone = [trial for trial in trials if trial.plan.locustfile is None]
    for number, (levels, of_stack) in enumerate(_stacks(alone).items(), 1):
        say(f"calibrating: unloaded requests to {', '.join(_varied(levels, trials))}")
        where = folder.path / FOLDER / f"stack-{number}"
        error = _measure_stack(where, dict(levels), of_stack, backend)
        if number == 1 and isinstance(error, TargetError):
            raise error  # the session's first trial needs the same cluster


def _varied(levels: Levels, trials: Sequence[Trial]) -> list[str]:
    """The levels that tell a stack from the session's others."""
    several = [
        level if isinstance(level, str) else f"{FACTORS[name].label} {level:g}"
        for name, level in levels
        if len({trial.cell.levels[name] for trial in trials}) > 1
    ]
    return several or [str(dict(levels)["target"])]


def _measure_null_target(folder: SessionFolder, trials: Sequence[Trial], backend: Backend) -> None:
    trial = null_trial(trials)
    number, path = new_attempt(folder.path / NULL)
    attempt.run(trial, number, path, backend, time.monotonic(), _no_phase, _no_progress)


def _no_phase(_: Phase) -> None:
    pass


def _no_progress(_: LoadProgress) -> None:
    pass


def null_trial(trials: Sequence[Trial]) -> Trial:
    """The first trial's stack and all the session's users, against `stack.null`.

    Its cluster is the first trial's, so that no other has to be made.
    """
    plan = trials[0].plan
    target = dataclasses.replace(
        plan.target,
        # by its path: the rig's own packages cannot be imported around every target
        start=("{python}", "{stack}/null/__main__.py", "{host}", "{port}"),
        ready="/",
        facts=None,
        ledger=None,
        routes={NULL_ROUTE.name: NULL_ROUTE},
        sessions={},
        mixes={},
        locustfiles={},
    )
    users = max(trial.plan.load.model.most_in_flight for trial in trials)
    load = dataclasses.replace(
        plan.load,
        model=Closed(Users(users, 1, users)),
        steady_s=NULL_S,
        timeout_s=60.0,
    )
    null = dataclasses.replace(
        plan,
        target=target,
        route_name=NULL_ROUTE.name,
        load=load,
        delay=Delay(0.0),
        pooler="direct",
    )
    cell = Cell({**trials[0].cell.levels, "route": NULL_ROUTE.name, "delay_ms": 0})
    return Trial(cell, null, 1, 0, 0, "null")


def _stacks(trials: Sequence[Trial]) -> dict[Levels, list[Trial]]:
    """Trials by the levels that make their stack; one trial a route or a mix."""
    names = [name for name, factor in FACTORS.items() if factor.changes_stack]
    found: dict[Levels, list[Trial]] = {}
    for trial in trials:
        key = tuple((name, trial.cell.levels[name]) for name in names)
        of_stack = found.setdefault(key, [])
        if trial.plan.route_name not in {one.plan.route_name for one in of_stack}:
            of_stack.append(trial)
    return found


def _measure_stack(
    where: Path, levels: Mapping[str, Any], trials: Sequence[Trial], backend: Backend
) -> Exception | None:
    """Writes what a scout saw of one stack; or why it saw nothing, which it also returns."""
    shutil.rmtree(where, ignore_errors=True)  # of a session that was interrupted just here
    make_folder(where)
    plan = trials[0].plan
    plan = dataclasses.replace(plan, load=dataclasses.replace(plan.load, load_workers=1))
    servers = plan.app_workers * plan.app_threads
    asked = {one.route: one for trial in trials for one in unloaded(trial.plan, servers)}
    unloaded_requests = list(asked.values())
    seen: list[UnloadedResults] = []
    failed: Exception | None = None
    try:
        for delay_ms in (
            UNLOADED_DELAYS_MS if plan.app_threads == 1 else UNLOADED_DELAYS_OF_THREADS_MS
        ):
            delayed = dataclasses.replace(plan, delay=Delay(delay_ms, plan.delay.links))
            with backend.up(delayed) as stack, afterwards(partial(stack.collect, where)):
                seen += stack.scout(unloaded_requests, at_no_delay=not seen)
    except (RigError, OSError) as error:
        failed = error
    reason = str(failed or "")
    mixes = {trial.plan.route_name: weights(trial.plan) for trial in trials if trial.plan.mix}
    results = [one.to_json() for one in seen]
    routes = list(asked)
    raw = {"levels": levels, "servers": servers, "routes": routes, "seen": results, "why": reason}
    raw |= {"mixes": mixes} if mixes else {}
    write_atomically(where / SCOUT, json.dumps(raw, indent=1) + "\n")
    return failed


def weights(plan: Plan) -> dict[str, int]:
    """How often each of a mix's routes is asked for, by the name that it is scouted under."""
    return {_scouted_as(plan, name): of for name, of in plan.mix.routes.items()} if plan.mix else {}


def _scouted_as(plan: Plan, route: str) -> str:
    """A mix's route may begin with another session than the same route by itself."""
    same = plan.session == plan.target.session_of(route)
    return route if same else f"{plan.route_name}/{route}"


def unloaded(plan: Plan, servers: int) -> tuple[UnloadedRequest, ...]:
    """What the scout asks of a route, or of each route of a mix."""
    return tuple(
        UnloadedRequest(
            dataclasses.replace(request, route=_scouted_as(plan, request.route)),
            session=session_of(plan),
            users=plan.load.model.most_in_flight,
            servers=servers,
            requests=REQUESTS,
            burst=max(BURST, BURST_ROUNDS * servers),
            bursts_s=BURSTS_S if plan.app_threads == 1 else BURSTS_OF_THREADS_S,
        )
        for request in route_requests(plan)
    )
