"""How far from the truth is what a load worker's clock is said to be? A minute. Needs root.

    .venv/bin/python -m bench.clock_error [LOADS]     (default 5)

The real load master and two load workers on loopback, 50 users against a null server. The second
load worker stands in a time namespace, 100,000 s ahead of the first, so that the true offsets are
known. Exit code 1: an offset is further than MOST_MS from the truth, or than its own uncertainty.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.another_clock import AHEAD_S, HERE, WHY
from bench.loopback import Closed, Users, run, server, spec
from rig.load.spec import PLAIN

PORT, CONTROL_PORT = 18_090, 15_590
MOST_MS = 0.5
WORKER = ("-m", "bench.another_clock", "locust_worker")


def main() -> None:
    """Prints what was found; exits with 1 where a bound was missed."""
    if not HERE:
        sys.exit(WHY)
    loads = int(sys.argv[1]) if sys.argv[1:] else 5
    folder = Path(tempfile.mkdtemp(prefix="clock-error-"))
    load = spec(PORT, CONTROL_PORT, Closed(Users(25, 25, 50), think_time_s=0.2),
                steady_s=3.0, load_workers=2, client=PLAIN)  # fmt: skip
    missed = False
    for number in range(loads):
        with server(PORT, "constant", folder / f"server-{number}"):
            said, _ = run(load, folder / f"load-{number}", WORKER)
        for clock in sorted(said["clocks"].values(), key=lambda clock: clock["offset_s"]):
            true_s = AHEAD_S if clock["offset_s"] > 1 else 0
            error_ms = 1000 * (clock["offset_s"] - true_s)
            known_ms, drift_ms = 1000 * clock["uncertainty_s"], 1000 * clock["drift_s"]
            missed |= abs(error_ms) > min(MOST_MS, known_ms + 1e-3)
            print(
                f"{true_s} s ahead: {error_ms:+.3f} ms from the truth, said to be known to "
                f"{known_ms:.3f} ms; drift {drift_ms:+.3f} ms"
            )
    print(f"at most {MOST_MS:g} ms asked for: {'missed' if missed else 'kept'}")
    sys.exit(missed)


if __name__ == "__main__":
    main()
