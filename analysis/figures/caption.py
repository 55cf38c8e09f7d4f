"""What every figure must say of itself: session, machine, versions, scope.

Pure text; may not know how a figure is drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.comparisons.same_setup import Comparison, labels, lost_labels
from analysis.reading.session import Session
from analysis.summaries.layout import Layout
from analysis.summaries.trials import TrialResult
from rig.disk.facts import versions_in
from rig.model import Verdict

MOST_FACTS = 8

DRAWN = (Verdict.VALID, Verdict.INVALID, Verdict.UNKNOWN)


def caption(
    session: Session,
    layout: Layout,
    results: Sequence[TrialResult],
    pairs: Sequence[Comparison] = (),
) -> tuple[str, ...]:
    """Its lines, not yet wrapped."""
    where = [f"Session {session.name}"]
    where += [f"profile {session.profile}"] if session.profile else []
    where += [f"backend {session.backend}"] if session.backend else []
    where.append(_trials(results))
    machine = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in _scalars(session.host))
    known = ", ".join(f"{name} {version}" for name, version in versions(session, results))
    simulated = session.backend == "fake"
    scope = (
        "Simulated by the fake backend: no real system was measured."
        if simulated
        else "Scope: this machine, these versions and this load; nothing is said of others."
    )
    lines = [
        " · ".join(where) + ".",
        f"Everywhere: {layout.everywhere}." if layout.everywhere else "",
        f"Machine: {machine}." if machine else "",
        f"Versions: {known}." if known else "",
        *(f"{line}." for line in labels(session, pairs, values=True)),
        *(f"{line}." for line in lost_labels(session, layout, pairs)),
        scope,
    ]
    return tuple(line for line in lines if line)


def _trials(results: Sequence[TrialResult]) -> str:
    counts = Counter(result.verdict for result in results)
    parts = [f"{counts[Verdict.VALID]} valid of {len(results)} trials"]
    not_drawn = [f"{n} {verdict}" for verdict, n in counts.items() if verdict not in DRAWN]
    return ", ".join([*parts, *([f"not drawn: {', '.join(not_drawn)}"] if not_drawn else [])])


def _scalars(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The host's plain facts; lists and maps are for the files, not for a caption."""
    kept = [
        (key, f"{value:g}" if isinstance(value, float) else str(value))
        for key, value in facts.items()
        if isinstance(value, str | int | float) and value != "" and not isinstance(value, bool)
    ]
    return kept[:MOST_FACTS]


def versions(session: Session, results: Sequence[TrialResult]) -> list[tuple[str, str]]:
    """What the host and each role said of their versions; of several, all."""
    pairs = [*versions_in([session.host])]
    pairs += [one for result in results if result.record for one in result.record.versions]
    seen: dict[str, dict[str, None]] = {}
    for name, version in pairs:
        seen.setdefault(name, {})[version] = None
    return [(name, " and ".join(versions)) for name, versions in sorted(seen.items())]
