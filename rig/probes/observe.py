"""An observer in a process of its own, for a machine that is not the runner's.

    python -m rig.probes.observe SPEC.json OUT/

SPEC: `Endpoints`, as that machine sees them. OUT: `ready.json` once every probe has looked for the
first time, then the probes' files. Ends at SIGTERM or SIGINT, after a last look. What it does is
`sampling`, as in the runner.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from rig.endpoints import endpoints_from_json
from rig.probes.sampler import sampling

READY = "ready.json"


def main(spec: Path, out: Path) -> None:
    """Looks until told to end."""
    ends = {signal.SIGTERM, signal.SIGINT}
    # before any thread: they all must leave the signals to this one
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    seen = endpoints_from_json(spec.read_text(encoding="utf-8"))
    with sampling(lambda: seen, out):
        (out / READY).write_text("{}\n", encoding="utf-8")
        signal.sigwait(ends)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
