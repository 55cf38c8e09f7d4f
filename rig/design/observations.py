"""Records as observations: what an adaptive design looks at. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rig.inference import Observation
from rig.model import Verdict
from rig.plan import Trial
from rig.record import Record


def observations_of(
    scheduled: Sequence[Trial], records: Sequence[Record]
) -> tuple[Observation, ...]:
    """The goodput of each scheduled trial that has a record; of several records the last."""
    last = {record.trial: record for record in records}
    return tuple(
        Observation(
            levels=trial.cell.levels,
            block=trial.block,
            value=last[trial.name].load.goodput_rps,
            valid=last[trial.name].verdict is Verdict.VALID,
            extra=bool(trial.cell.because),
            answers=last[trial.name].load.successes,
        )
        for trial in scheduled
        if trial.name in last
    )
