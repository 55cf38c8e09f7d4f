"""What somebody's own Locust files left to say, each once for all trials of a session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from analysis.summaries.trials import TrialResult

MOST_ERRORS = 5


def of_locustfiles(found: Sequence[TrialResult]) -> Iterator[str]:
    """What of the files was not used, and which exceptions their tasks raised."""
    records = [result.record for result in found if result.record is not None]
    files = [record.load.locustfile for record in records]
    said = [one for one in files if one is not None]
    yield from dict.fromkeys(note for one in said for note in one.notes)
    errors: Counter[str] = Counter()
    for one in said:
        errors.update(one.task_errors)
    for says, count in errors.most_common(MOST_ERRORS):
        yield f"in tasks, {count} times: {says}"
    if (more := len(errors) - MOST_ERRORS) > 0:
        yield f"in tasks: {more} other exceptions, in load/load.json of each trial"
