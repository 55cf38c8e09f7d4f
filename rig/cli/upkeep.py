"""What looks after the machine: `doctor` says what is there, `clean` removes what was left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rig.backends.compose import backend as compose
from rig.backends.compose import cluster_cache, engine
from rig.backends.environment import store
from rig.backends.local import backend as local
from rig.backends.local import cache, doctor
from rig.cli import lock
from rig.cli.terminal import Screen
from rig.disk import files
from rig.model import ExitCode, RigError
from rig.store import leftovers


def examine(screen: Screen) -> int:
    """Says what this machine can do, and what is kept on it."""
    fit = True
    for finding in doctor.examine():
        mark = "ok  " if finding.fine else ("NO  " if finding.needed else "warn")
        screen.say(f"{mark} {finding.name}: {finding.message}")
        fit = fit and (finding.fine or not finding.needed)
    unsupported_reason = engine.unsupported_reason()
    screen.say(f"local cache: {_cache_line(cache.summary)}")
    screen.say(f"targets' own Pythons: {_cache_line(store.summary)}")
    if not unsupported_reason:
        screen.say(f"compose cache: {_cache_line(cluster_cache.summary)}")
    screen.say("local backend: " + ("can run here" if fit else "cannot run here"))
    screen.say(f"compose backend: {unsupported_reason or 'can run here'}")
    return ExitCode.OK if fit else ExitCode.NO_STACK


def _cache_line(describe: Callable[[], str]) -> str:
    try:
        return describe()
    except RigError as error:
        return f"not used: {error.what}"


def clean(screen: Screen, out: Path, with_cache: bool) -> int:
    """Removes what killed runs left, and the seeded clusters if asked to."""
    has_engine = not engine.unsupported_reason()
    steps: list[Callable[[], Sequence[object]]] = [local.remove_left_behind]
    steps += [lambda: files.remove_left_behind(files.VERIFY_SCRATCH), lambda: leftovers.remove(out)]
    steps += [compose.remove_left_behind, cache.clear if with_cache else cache.remove_left_behind]
    if has_engine:
        steps.append(cluster_cache.clear if with_cache else cluster_cache.remove_left_behind)
    removed, kept = list[object](), list[RigError]()
    with lock.alone("(cleaning)"):
        for step in steps:
            try:
                removed += step()
            except RigError as error:  # the others may do all the same
                kept.append(error)
    for what in removed:
        screen.say(f"removed {what}")
    if not removed and not kept:
        screen.say("nothing was left behind")
    if kept:
        raise kept[0]
    return ExitCode.OK
