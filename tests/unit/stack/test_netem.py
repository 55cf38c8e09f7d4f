"""What netem tells of itself, by a kernel that only listens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import pytest

from stack.delay import netem
from stack.delay.netem import Counters, Netem

DEVICES = {"front": 3, "data": 5}


class Attributes(dict[str, Any]):
    """A netlink message, as far as it is asked."""

    def get_attr(self, name: str) -> Any:
        return self[name]


@dataclass
class Kernel:
    """Holds root qdiscs by the index of their device."""

    qdiscs: dict[int, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def link_lookup(self, ifname: str) -> Sequence[int]:
        return [DEVICES[ifname]]

    def tc(self, _: str, kind: str, index: int, *__: object, **___: object) -> None:
        self.qdiscs[index] = kind

    def get_qdiscs(self, index: int) -> Sequence[Attributes]:
        counted = Attributes(
            TCA_STATS_BASIC={"packets": 7}, TCA_STATS_QUEUE={"drops": 1, "qlen": 2}
        )
        kind = self.qdiscs.get(index)
        return [Attributes(TCA_KIND=kind, TCA_STATS2=counted)] if kind else []


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(netem, "IPRoute", lambda: made)
    return made


def test_it_counts_over_all_links(kernel: Kernel) -> None:
    assert Netem(["front", "data"], 100.0).counters() == Counters(14, 2, 4, alive=True)


@pytest.mark.parametrize("instead", ["noqueue", ""])
def test_a_link_that_lost_its_qdisc_is_seen(kernel: Kernel, instead: str) -> None:
    mechanism = Netem(["front", "data"], 100.0)
    kernel.qdiscs[DEVICES["data"]] = instead
    assert mechanism.counters() == Counters(7, 1, 2, alive=False)
