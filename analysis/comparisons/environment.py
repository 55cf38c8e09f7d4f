"""What two sessions must have in common to be compared: machine, versions, load, data.

Pure: sessions and records in, named differences out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from analysis.reading.machines import machine_of_each_role, says_who_shared
from analysis.reading.session import Session
from analysis.summaries.trials import TrialResult

NOTHING = "nothing"


@dataclass(frozen=True)
class EnvironmentChange:
    """One thing that is not the same in two sessions."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before} before, {self.after} after"


def differences(
    before: Session,
    after: Session,
    before_results: Sequence[TrialResult],
    after_results: Sequence[TrialResult],
) -> tuple[EnvironmentChange, ...]:
    """Every difference of the environments, by name; wall clocks and names of sessions aside."""
    sides = [
        dict(environment(session, results))
        for session, results in ((before, before_results), (after, after_results))
    ]
    machines = [dict(_machines(results)) for results in (before_results, after_results)]
    if all(machines):  # older sessions do not tell
        sides = [side | told for side, told in zip(sides, machines, strict=True)]
    names = dict.fromkeys(name for side in sides for name in side)
    pairs = ((name, *(side.get(name, NOTHING) for side in sides)) for name in names)
    return tuple(EnvironmentChange(name, a, b) for name, a, b in pairs if a != b)


def environment(session: Session, results: Sequence[TrialResult]) -> Iterator[tuple[str, str]]:
    """Names and values of all that a goodput depends on beside the factors."""
    yield "experiment", session.experiment
    yield "backend", session.backend
    yield from _flat("host", session.host)
    yield from _load(session)
    yield from _flat("data", session.data)
    versions: dict[str, dict[str, None]] = {}
    mechanisms: dict[str, None] = {}
    for result in results:
        if result.record is None:
            continue
        if result.measures.delay_mechanism:
            mechanisms[result.measures.delay_mechanism] = None
        for name, version in result.record.versions:
            versions.setdefault(name, {})[version] = None
    for name, seen in sorted(versions.items()):
        yield f"version of {name}", " and ".join(sorted(seen))
    if mechanisms:
        yield "delay mechanism", " and ".join(sorted(mechanisms))


def _load(session: Session) -> Iterator[tuple[str, str]]:
    """What users ask for; of a search for capacities the objective, and not where it looks."""
    load = session.load
    if session.capacity:
        searched = session.capacity.factor.removeprefix("arrivals_")
        arrivals = load.get("arrivals") or {}
        load = {**load, "arrivals": {k: arrivals[k] for k in arrivals if k != searched}}
        yield from _flat("objective", asdict(session.objective) if session.objective else None)
    yield from _flat("load", load)


def _machines(results: Sequence[TrialResult]) -> Iterator[tuple[str, str]]:
    """What machine each role stood on, and which roles shared one."""
    records = [result.record for result in results if result.record is not None]
    seen: dict[str, dict[str, None]] = {}
    for record in records:
        for role, facts in machine_of_each_role(record).items():
            for key, value in facts.items():
                seen.setdefault(f"{key} of {role}", {})[value] = None
    for name, values in sorted(seen.items()):
        yield name, " and ".join(sorted(values))
    if shared := sorted(set(says_who_shared(records))):
        yield "machines", " ".join(shared)


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name} {str(key).replace('_', ' ')}", inner)
    elif value is not None:
        yield name, f"{value:g}" if isinstance(value, float) else str(value)
