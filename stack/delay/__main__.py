"""Sets the delay, keeps it, and measures each path before, during and after the load.

    python -m stack.delay SPEC.json OUT/

SPEC: `DelaySpec`. OUT: `ready.json` once the delay stands and was measured; `delay.csv`, a line a
second; `facts.json` after SIGUSR1, which ends the measuring, not the delay. What is measured
between the two is `during`: this role is not told when the load begins. SIGTERM ends both; an
NFQUEUE then drops what it would have held.
Exit 3 where no mechanism works, with one line that says why.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from stack.delay import netem, nfqueue, paths
from stack.delay.detour import DelayedLink, Detour
from stack.delay.netem import Counters, Netem
from stack.delay.spec import DelaySpec, read_spec

BURST = 11  # odd: the median is one that was measured
SIGNALS = {signal.SIGUSR1, signal.SIGTERM}
SPACING_S = 0.02  # so far apart that one stall of the machine cannot spoil the median
COLUMNS = "at_s,link,rtt_ms,packets,drops,backlog,overruns,alive\n"


class Undelayed:
    """No delay was asked; the paths are measured all the same."""

    name = ""

    def counters(self) -> Counters:
        return Counters(0, 0, 0)

    def missing_packets(self) -> int:
        return 0

    def close(self) -> None:
        pass


Mechanism = Netem | Detour | Undelayed


def device_of(address: str) -> str:
    """The device that has an address; it is named differently in a namespace and a container.

    OSError where none has it.
    """
    with IPRoute() as route:
        for found in route.get_addr(address=address):
            return str(route.get_links(found["index"])[0].get_attr("IFLA_IFNAME"))
    raise OSError(f"no device here has the address {address}")


def choose(spec: DelaySpec) -> tuple[Mechanism, str]:
    """The mechanism this kernel can carry out, and why it was chosen.

    OSError, naming what each mechanism lacks, where there is none.
    """
    delayed = [link for link in spec.links if link.delayed]
    if not delayed or not spec.delay_ms:
        return Undelayed(), "no delay was asked"
    unsupported_reason = netem.missing() if spec.mechanism != "nfqueue" else "nfqueue was asked for"
    if not unsupported_reason:
        devices = [device_of(link.address) for link in delayed]
        return Netem(devices, spec.delay_ms), "the kernel has netem"
    if spec.mechanism == "netem":
        raise OSError(unsupported_reason)
    try:
        links = [
            DelayedLink(device_of(link.address), link.address, link.prefix) for link in delayed
        ]
        return Detour(links, spec.delay_ms), unsupported_reason
    except (OSError, NetlinkError) as error:
        raise OSError(f"{unsupported_reason}; nfqueue: {error}") from error


def facts(
    mechanism: Mechanism, why: str, rounds: Mapping[str, Sequence[paths.Round]]
) -> dict[str, Any]:
    """What is known so far: `rounds` by moment (base, before, during, after)."""
    links = {measured.link for moment in rounds.values() for measured in moment}
    return {
        "mechanism": mechanism.name,
        "why": why,
        "counters": vars(mechanism.counters()),
        "rtt_ms": {
            link: {moment: paths.rtts_ms(rounds[moment], link) for moment in rounds}
            for link in sorted(links)
        },
        "lost": {
            link: sum(
                measured.link == link and measured.rtt_ms is None
                for moment in rounds.values()
                for measured in moment
            )
            for link in sorted(links)
        },
    }


def write(path: Path, data: Mapping[str, Any]) -> None:
    """Writes JSON so that a reader sees all of it or nothing. OSError where a file is in the way.

    This role has rights: it writes into nothing that is there already, or is a link.
    """
    scratch = path.with_suffix(".part")
    with scratch.open("x") as file:
        file.write(json.dumps(data))
    scratch.replace(path)


def run(spec: DelaySpec, out: Path) -> None:
    """Sets the delay, measures until SIGUSR1, and keeps it until SIGTERM.

    OSError where no mechanism works.
    """
    # Resolves the neighbours: netem, unlike an NFQUEUE, would delay their ARP too, and the
    # first measured round trips would be two delays long.
    paths.measure(spec.peers, 1, 0, _deadline_s(spec))
    base = paths.measure(spec.peers, BURST * spec.base, SPACING_S, _deadline_s(spec))
    mechanism, why = choose(spec)
    try:
        ended = _watch(spec, out, mechanism, why, base)
        while ended != signal.SIGTERM:
            ended = signal.sigwait(SIGNALS)
    finally:
        mechanism.close()


def _deadline_s(spec: DelaySpec) -> float:
    return 2.0 + 3 * spec.delay_ms / 1000


def _watch(
    spec: DelaySpec, out: Path, mechanism: Mechanism, why: str, base: Sequence[paths.Round]
) -> int:
    """Measures until a signal, which it returns; the facts are in `out` then."""
    peers, deadline_s = spec.peers, _deadline_s(spec)
    nfqueue.real_time()
    # not recorded: the consumer has just been started, and its first wake-up may be late
    paths.measure(peers, 1, 0, deadline_s)
    rounds: dict[str, list[paths.Round]] = {
        **({"base": [*base]} if base else {}),
        "before": paths.measure(peers, BURST, SPACING_S, deadline_s),
        "during": [],
    }
    write(out / "ready.json", facts(mechanism, why, rounds))
    with (out / "delay.csv").open("x") as log:
        log.write(COLUMNS)
        ended = None
        while ended is None:
            begun_s = time.monotonic()
            seen = paths.measure(peers, 1, 0, deadline_s)
            rounds["during"] += seen
            log.writelines(_row(measured, mechanism.counters()) for measured in seen)
            log.flush()
            left_s = max(0.0, spec.interval_s - (time.monotonic() - begun_s))
            ended = signal.sigtimedwait(SIGNALS, left_s)
    rounds["after"] = paths.measure(peers, BURST, SPACING_S, deadline_s)
    missing = {"missing_packets": mechanism.missing_packets()}
    write(out / "facts.json", {**facts(mechanism, why, rounds), **missing})
    return ended.si_signo


def _row(measured: paths.Round, count: Counters) -> str:
    rtt = "" if measured.rtt_ms is None else f"{measured.rtt_ms:.3f}"
    return (
        f"{measured.at_s:.3f},{measured.link},{rtt},{count.packets},{count.drops},"
        f"{count.backlog},{count.overruns},{int(count.alive)}\n"
    )


def main() -> None:
    """The role: one JSON file in, one folder out."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        run(read_spec(Path(sys.argv[1])), Path(sys.argv[2]))
    except OSError as error:
        print(f"delay: {error}", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
