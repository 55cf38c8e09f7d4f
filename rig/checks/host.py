"""Had the stack the machine to itself? Only a warning: what it cost is seen by other checks."""

from __future__ import annotations

from rig.model import Status, percent
from rig.record import Check, ProbeFacts, Record

NAME = "host_quiet"
STEAL_SHARE = 0.02
OTHERS_SHARE = 0.1
PRESSURE_IO_SHARE = 0.5
PRESSURE_MEMORY_SHARE = 0.01
"""Why each is where it is stands in docs/method.md."""


def host_quiet(record: Record) -> Check:
    """Stolen time, other processes, and pressure on disk and memory stay below their bounds."""
    shares = _shares(record.probes)
    known = {what: (share, bound) for what, share, bound in shares if share is not None}
    if not known:
        needs = "a kernel that counts steal or pressure, and its probes"
        return Check(NAME, Status.UNKNOWN, "the machine was not looked at", needs=needs)
    loud = {what: (share, bound) for what, (share, bound) in known.items() if share > bound}
    if loud:
        message = ", ".join(
            f"{what} {percent(share)}, above {percent(bound)}"
            for what, (share, bound) in loud.items()
        )
        return Check(NAME, Status.WARN, message, again=True)
    message = ", ".join(f"{what} {percent(share)}" for what, (share, _) in known.items())
    return Check(NAME, Status.PASS, message)


def _shares(seen: ProbeFacts) -> tuple[tuple[str, float | None, float], ...]:
    return (
        ("CPU stolen by the hypervisor", seen.cpu_steal_share, STEAL_SHARE),
        ("CPU used by others", seen.cpu_others_share, OTHERS_SHARE),
        ("time waited for disks", seen.pressure_io_share, PRESSURE_IO_SHARE),
        ("time waited for memory", seen.pressure_memory_share, PRESSURE_MEMORY_SHARE),
    )
