"""Were all load workers there to the end, and do their counts agree?"""

from __future__ import annotations

from rig.model import Status
from rig.record import Check, Record


def load_workers(record: Record) -> Check:
    """Every load worker connected, stayed, sent its last report; the counts agree exactly."""
    load = record.load
    own = sum(load.finished_by_load_worker.values())
    if load.complete and own != load.finished:
        message = f"the load workers counted {own} answers, the master {load.finished}"
        return Check("load_workers", Status.FAIL, message, again=True)
    if load.complete and load.load_workers_connected == load.load_workers_asked:
        return Check("load_workers", Status.PASS, f"{load.load_workers_connected} to the end")
    message = (
        f"{load.load_workers_connected} of {load.load_workers_asked} connected, "
        f"{load.load_workers_lost} lost; the last reports came from "
        f"{', '.join(load.load_worker_addresses) or 'none'}"
    )
    return Check("load_workers", Status.FAIL, message, again=True)
