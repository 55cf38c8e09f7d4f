"""netem and its stand-in side by side: round trips, drops, and the delays that replies take.

    SECOND_KERNEL=PROGRAM python -m bench.delay_mechanisms

PROGRAM runs the command that follows it under a kernel that has netem. Without it both are tried
on this machine's own kernel, and what that lacks is said. Takes about 20 s.
"""

from __future__ import annotations

import os

from tests.integration.delay_lab import SIZES_BYTES, Case, Result, delays, observe, quiet_median_ms

DELAY_MS = 100.0
REPLIES = 3


def row(name: str, result: Result) -> str:
    """One mechanism's line of the table, or why it has none."""
    if not result.facts:
        return f"{name:10}{' / '.join(result.log)}"
    rtts = "".join(f"{quiet_median_ms(result, link):12.2f}" for link in ("front", "data"))
    taken = delays(result, DELAY_MS)
    sizes = "".join(f"{taken[size]:10}" for size in SIZES_BYTES)
    return f"{name:10}{rtts}{result.facts['counters']['drops']:8}{sizes}"


def main() -> None:
    """Measures each mechanism between fresh hosts and prints the table."""
    through = [program] if (program := os.environ.get("SECOND_KERNEL")) else []
    cases = {name: Case(name, DELAY_MS, replies=REPLIES) for name in ("netem", "nfqueue")}
    results = observe(list(cases.values()), through)
    print(f"{DELAY_MS:g} ms on both links; median round trips, and the delays each reply takes")
    sizes = "".join(f"{size / 1000:8g}kB" for size in SIZES_BYTES)
    print(f"{'':10}{'front ms':>12}{'data ms':>12}{'drops':>8}{sizes}")
    for name, result in zip(cases, results, strict=True):
        print(row(name, result))


if __name__ == "__main__":
    main()
