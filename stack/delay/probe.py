"""Says which delay mechanism works here, or exits 1 saying what each lacks.

Run inside a fresh network namespace with CAP_NET_ADMIN: `python -m stack.delay.probe`.
"""

from __future__ import annotations

import sys

from pyroute2 import IPRoute

from stack.delay import netem
from stack.delay.__main__ import choose
from stack.delay.spec import DelaySpec, LinkSpec

_ADDRESS = "198.18.0.2"


def main() -> None:
    """Sets a delay on a link of its own, the way a trial would."""
    with IPRoute() as route:
        route.link("add", ifname="probe", kind="veth", peer={"ifname": "probe-peer"})
        index = route.link_lookup(ifname="probe")[0]
        route.addr("add", index=index, address=_ADDRESS, prefixlen=24)
        route.link("set", index=index, state="up")
    link = LinkSpec("front", _ADDRESS, prefix=24, peer="", delayed=True)
    try:
        mechanism, why = choose(DelaySpec(1.0, links=(link,)))
    except OSError as error:
        sys.exit(f"no mechanism: {error}")
    mechanism.close()
    because = "" if mechanism.name == netem.Netem.name else f" ({why})"
    print(f"{mechanism.name}{because}")


if __name__ == "__main__":
    main()
