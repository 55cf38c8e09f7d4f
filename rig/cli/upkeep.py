"""What looks after the machine: `doctor` says what is there, `clean` removes what was left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rig.backends.compose import backend as compose
from rig.backends.diagnosis import Diagnosis
from rig.backends.docker import stack_files
from rig.backends.docker.clusters import EngineClusters
from rig.backends.docker.engine import HERE
from rig.backends.environment import store
from rig.backends.local import backend as local
from rig.backends.local import doctor
from rig.backends.machine import cache
from rig.backends.swarm import backend as swarm
from rig.backends.swarm import doctor as swarm_doctor
from rig.cli import lock
from rig.cli.elsewhere import json_text
from rig.cli.terminal import Screen
from rig.config import read_nodes
from rig.disk import files
from rig.model import ExitCode, RigError
from rig.store import leftovers


def examine(screen: Screen, as_json: bool = False) -> int:
    """Says what this machine can do, and what is kept on it."""
    found = _shown(doctor.examine(), screen, as_json)
    fit = _fit(found)
    unsupported_reason = stack_files.unsupported_reason()
    kept = {
        "local cache": _cache_line(cache.summary),
        "targets' own Pythons": _cache_line(store.summary),
    }
    if not unsupported_reason:
        kept["compose cache"] = _cache_line(EngineClusters(HERE).summary)
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


def _shown(findings: Iterable[Diagnosis], screen: Screen, as_json: bool) -> Sequence[Diagnosis]:
    """Each as it is found, unless all are printed in the end."""
    found = []
    for finding in findings:
        found.append(finding)
        if not as_json:
            mark = "ok  " if finding.fine else ("NO  " if finding.needed else "warn")
            screen.say(f"{mark} {finding.name}: {finding.message}")
    return found


def _fit(found: Sequence[Diagnosis]) -> bool:
    return all(finding.fine or not finding.needed for finding in found)


def examine_nodes(screen: Screen, file: Path, as_json: bool = False) -> int:
    """Says what the nodes of a file can do. BadYaml; UsageError where a session runs."""
    nodes = read_nodes(file)
    with lock.alone("(examining nodes)"):
        found = _shown(swarm_doctor.examine(nodes), screen, as_json)
    fit = _fit(found)
    said = "can run here" if fit else "cannot run here"
    if as_json:
        screen.document(json_text(_examined(found, {}, {"swarm": said}, {"swarm": fit})))
    else:
        screen.say(f"swarm backend: {said}")
    return ExitCode.OK if fit else ExitCode.NO_STACK


def clean_nodes(screen: Screen, file: Path, with_cache: bool) -> int:
    """Removes what killed runs left on the nodes of a file. BadYaml, StackError."""
    nodes = read_nodes(file)
    with lock.alone("(cleaning nodes)"):
        removed, failures = swarm.remove_left_behind(nodes, with_cache)
    return _cleaned(screen, removed, failures)


def _examined(
    found: Sequence[Diagnosis],
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
    has_engine = not stack_files.unsupported_reason()
    steps: list[Callable[[], Sequence[object]]] = [local.remove_left_behind]
    steps += [lambda: files.remove_left_behind(files.VERIFY_SCRATCH), lambda: leftovers.remove(out)]
    steps += [compose.remove_left_behind, cache.clear if with_cache else cache.remove_left_behind]
    if has_engine:
        clusters = EngineClusters(HERE)
        steps.append(clusters.clear if with_cache else clusters.remove_left_behind)
    removed, failures = list[object](), list[RigError]()
    with lock.alone("(cleaning)"):
        for step in steps:
            try:
                removed += step()
            except RigError as error:  # the others may do all the same
                failures.append(error)
    return _cleaned(screen, removed, failures)


def _cleaned(screen: Screen, removed: Sequence[object], failures: Sequence[RigError]) -> int:
    """Says what went; raises the first of what could not."""
    for what in removed:
        screen.say(f"removed {what}")
    if failures:
        raise failures[0]
    if not removed:
        screen.say("nothing was left behind")
    return ExitCode.OK
