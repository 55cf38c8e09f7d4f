"""What looks after the machine: `doctor` says what is there, `clean` removes what was left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rig.backends.compose import backend as compose
from rig.backends.compose import cluster_cache, engine
from rig.backends.environment import store
from rig.backends.local import backend as local
from rig.backends.local import cache, doctor
from rig.cli import lock
from rig.cli.elsewhere import json_text
from rig.cli.terminal import Screen
from rig.disk import files
from rig.model import ExitCode, RigError
from rig.store import leftovers


def examine(screen: Screen, as_json: bool = False) -> int:
    """Says what this machine can do, and what is kept on it."""
    found = []
    for finding in doctor.examine():
        found.append(finding)
        if not as_json:
            mark = "ok  " if finding.fine else ("NO  " if finding.needed else "warn")
            screen.say(f"{mark} {finding.name}: {finding.message}")
    fit = all(finding.fine or not finding.needed for finding in found)
    unsupported_reason = engine.unsupported_reason()
    kept = {
        "local cache": _cache_line(cache.summary),
        "targets' own Pythons": _cache_line(store.summary),
    }
    if not unsupported_reason:
        kept["compose cache"] = _cache_line(cluster_cache.summary)
    backends = {
        "local": "can run here" if fit else "cannot run here",
        "compose": unsupported_reason or "can run here",
    }
    if as_json:
        fits = {"local": fit, "compose": not unsupported_reason}
        screen.document(json_text(_examined(found, kept, backends, fits)))
    else:
        for name, said in kept.items():
            screen.say(f"{name}: {said}")
        for name, said in backends.items():
            screen.say(f"{name} backend: {said}")
    return ExitCode.OK if fit else ExitCode.NO_STACK


def _examined(
    found: Sequence[doctor.Diagnosis],
    kept: Mapping[str, str],
    backends: Mapping[str, str],
    fits: Mapping[str, bool],
) -> Mapping[str, object]:
    return {
        "findings": [asdict(finding) for finding in found],
        "kept": kept,
        "backends": [
            {"name": name, "fits": fits[name], "message": said} for name, said in backends.items()
        ],
    }


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
