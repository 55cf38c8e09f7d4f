"""Did every process that had to live through the load do so?

Lost load workers are another check's matter (`load_workers`).
"""

from __future__ import annotations

from rig.model import Status
from rig.plan import Plan
from rig.record import Check, ProbeFacts, Record

NAME = "nothing_happened"
BEGUN, ENDED = "app workers began", "app workers ended"
UNPROBED = ("sight", "folder")
"""Under these the sampler says why it has no probes at all."""


def nothing_happened(plan: Plan, record: Record) -> Check:
    """No app worker began, ended or was killed, no Postgres restarted, nothing died for memory.

    Workers that the target restarts by design may begin and end; being killed is no design.
    """
    counts = _counts(record.probes)
    by_design = ""
    if plan.target.restarts_workers:
        (begun, _), (ended, _) = counts.pop(BEGUN), counts.pop(ENDED)
        by_design = f"; app workers restarted by design: {begun} began, {ended} ended"
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
    return Check(NAME, Status.PASS, f"every process lived through the load{by_design}")


def _counts(seen: ProbeFacts) -> dict[str, tuple[int | None, str]]:
    """What must be 0, and the probe that counts it."""
    return {
        BEGUN: (seen.app_workers_begun, "app_workers"),
        ENDED: (seen.app_workers_ended, "app_workers"),
        # a log, which every app has; without its processes nothing else is known of it
        "app workers killed for silence": (seen.app_worker_timeouts, "app_workers"),
        "restarts of Postgres": (seen.postgres_restarts, "postgres"),
        "processes killed for memory": (seen.oom_kills, "host"),
    }
