"""Did every process that had to live through the load do so?

Lost load workers are another check's matter (`load_workers`).
"""

from __future__ import annotations

from rig.model import Status
from rig.record import Check, ProbeFacts, Record

NAME = "nothing_happened"
UNPROBED = ("sight", "folder")
"""Under these the sampler says why it has no probes at all."""


def nothing_happened(record: Record) -> Check:
    """No app worker began, ended or was killed, no Postgres restarted, nothing died for memory."""
    counts = _counts(record.probes)
    happened = [f"{count} {what}" for what, (count, _) in counts.items() if count]
    if record.ledger.postgres_restarted and not record.probes.postgres_restarts:
        happened.append("Postgres was restarted between the ledger's counts")
    if happened:
        return Check(NAME, Status.FAIL, ", ".join(happened), again=True)
    blind = {probe for count, probe in counts.values() if count is None}
    if blind:
        unseen = ", ".join(what for what, (count, _) in counts.items() if count is None)
        # a target may lack what a probe needs; one that failed leaves the question open
        broken = (blind | set(UNPROBED)) & set(record.probes.failed)
        needs = "" if broken else f"the probes {', '.join(sorted(blind))}"
        return Check(NAME, Status.UNKNOWN, f"not looked at: {unseen}", needs=needs)
    return Check(NAME, Status.PASS, "every process lived through the load")


def _counts(seen: ProbeFacts) -> dict[str, tuple[int | None, str]]:
    """What must be 0, and the probe that counts it."""
    return {
        "app workers began": (seen.app_workers_begun, "app_workers"),
        "app workers ended": (seen.app_workers_ended, "app_workers"),
        # a log, which every app has; without its processes nothing else is known of it
        "app workers killed for silence": (seen.app_worker_timeouts, "app_workers"),
        "restarts of Postgres": (seen.postgres_restarts, "postgres"),
        "processes killed for memory": (seen.oom_kills, "host"),
    }
