"""The probes' series: which columns they have, and what they add up to in the steady window.

Pure but for reading an attempt's files: `verify` calls it again, long afterwards. May not know
how a series was taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from rig.clock import ClockOffset
from rig.disk.contents import data, json_value, samples
from rig.plan import Plan
from rig.record import LoadFacts, ProbeFacts, RoleUse

COLUMNS = {
    "processes": (
        "at_s",
        "role",
        "index",
        "processes",
        "cpu_s",
        "rss_bytes",
        "waits_voluntary",
        "waits_involuntary",
        "throttled_s",
        "node",
    ),
    "app_sockets": ("at_s", "open", "backlog", "backlog_limit"),
    "app_loop": ("at_s", "pid", "requests", "answered", "busy_s", "lag_max_ms"),
    "app_workers": ("pid", "first_at_s", "last_at_s", "looked_at_s"),
    "postgres": (
        "at_s",
        "total",
        "active",
        "idle",
        "idle_in_transaction",
        "app",
        "waiting",
        "commits",
        "rollbacks",
        "rows_inserted",
        "max_connections",
        "started_at",
        "names",
    ),
    "pgbouncer": (
        "at_s",
        "clients_active",
        "clients_waiting",
        "longest_wait_s",
        "servers_active",
        "servers_idle",
        "servers_used",
        "queries",
        "waited_s",
    ),
    "host": (
        "at_s",
        "cpu_busy_s",
        "cpu_steal_s",
        "pressure_cpu_s",
        "pressure_io_s",
        "pressure_memory_s",
        "oom_kills",
        "cpus",
        "node",
    ),
    "clock": ("at_s", "node", "offset_s", "uncertainty_s"),
}
"""Columns of `probes/<name>.csv`, in order."""
NEEDED = {
    "processes": ("at_s", "role", "index"),
    "app_loop": ("at_s", "pid"),
    "app_workers": ("pid", "first_at_s", "last_at_s"),
}
"""Columns without which a file says nothing; of the others `at_s`."""
FAILED = "failed.json"
LAST_TIMES = 5
"""Of those that an observer asked for the load master's time, those that show its drift."""
TIMEOUT = "WORKER TIMEOUT"
"""What gunicorn prints when it kills an app worker that has not moved for its time-out."""
CRASHED = "all server processes terminated; reinitializing"
"""What Postgres prints when it lost one of its processes and ends all others: its first process
lives on, so that it was not started again by its own account."""

Sample = Mapping[str, float | None]


@dataclass(frozen=True)
class Series:
    """The rows of one probe's file; an empty cell is None, and text is left out."""

    rows: Sequence[Sample]
    text: Sequence[Mapping[str, str]]

    def within(self, start_s: float, end_s: float) -> Series:
        """The samples of a stretch of time, on CLOCK_MONOTONIC."""
        kept = [
            (row, text)
            for row, text in zip(self.rows, self.text, strict=True)
            if start_s <= (row["at_s"] or 0.0) <= end_s
        ]
        return Series([row for row, _ in kept], [text for _, text in kept])

    def where(self, column: str, value: str) -> Series:
        """The rows with this text in a column; older files lack some, which were empty."""
        kept = [
            (row, text)
            for row, text in zip(self.rows, self.text, strict=True)
            if text.get(column, "") == value
        ]
        return Series([row for row, _ in kept], [text for _, text in kept])

    def each(self, column: str) -> dict[str, Series]:
        """The rows by the text that they have in a column."""
        found = dict.fromkeys(text.get(column, "") for text in self.text)
        return {value: self.where(column, value) for value in found}

    def values(self, column: str) -> list[float]:
        """A column, without empty cells."""
        return [value for row in self.rows if (value := row.get(column)) is not None]

    def most(self, column: str) -> float | None:
        """A column's largest value."""
        return max(self.values(column), default=None)

    def gain(self, column: str) -> float | None:
        """How much a counter rose from the first sample to the last; None below two samples."""
        found = self.values(column)
        return found[-1] - found[0] if len(found) > 1 else None

    def rate(self, column: str) -> float | None:
        """How much it rose per second."""
        rose, took_s = self.gain(column), self.gain("at_s")
        return rose / took_s if rose is not None and took_s else None


def read_series(path: Path, needed: Sequence[str] = ("at_s",)) -> Series:
    """A probe's file; empty where there is none. DamagedFile, StorageError."""
    found = samples(path, needed)
    return Series([numbers for numbers, _ in found], [text for _, text in found])


def probe_facts(folder: Path, plan: Plan, load: LoadFacts) -> ProbeFacts:
    """What an attempt's `probes/` adds up to; empty where nothing was probed."""
    failed = json_value(folder / "probes" / FAILED, dict[str, str])
    if failed is None:
        return ProbeFacts()
    whole = {
        name: read_series(folder / "probes" / f"{name}.csv", NEEDED.get(name, ("at_s",)))
        for name in COLUMNS
    }
    start_s, end_s = load.began_at_s + load.ramp_s, load.began_at_s + load.duration_s
    steady = {
        name: series if name == "app_workers" else series.within(start_s, end_s)
        for name, series in whole.items()
    }
    samples = {
        name: len({row.get("at_s", row.get("pid")) for row in series.rows})
        for name, series in whole.items()
        if series.rows
    }
    return ProbeFacts(
        samples=samples,
        failed=failed,
        clocks=_clocks(whole["clock"]),
        roles=_roles(steady["processes"]),
        **_app(steady, plan),
        **_databases(steady),
        **_host(steady),
        **_happened(whole, folder / "logs", "app_workers" in failed),
    )


def _roles(series: Series) -> dict[str, RoleUse]:
    found = {}
    for role in dict.fromkeys(text["role"] for text in series.text):
        own = series.where("role", role)
        each = [own.where("index", index) for index in dict.fromkeys(t["index"] for t in own.text)]
        if any(one.rate("cpu_s") is None for one in each):
            continue
        throttled = [value for one in each if (value := one.gain("throttled_s")) is not None]
        found[role] = RoleUse(
            cpu_share_mean=round(_total(each, lambda one: one.rate("cpu_s")), 4),
            cpu_share_max=round(_total(each, _highest_rate), 4),
            rss_peak_bytes=int(_total(each, lambda one: one.most("rss_bytes"))),
            waits_involuntary_per_s=round(
                _total(each, lambda one: one.rate("waits_involuntary")), 1
            ),
            throttled_s=round(sum(throttled), 6) if throttled else None,
        )
    return found


def _total(each: Sequence[Series], of: Callable[[Series], float | None]) -> float:
    return sum(of(one) or 0.0 for one in each)


def _highest_rate(series: Series) -> float:
    """The highest CPU share between neighbouring samples."""
    points = [
        (at_s, used_s)
        for row in series.rows
        if (at_s := row.get("at_s")) is not None and (used_s := row.get("cpu_s")) is not None
    ]
    return max(
        (
            (after - before) / (to_s - from_s)
            for (from_s, before), (to_s, after) in pairwise(points)
            if to_s > from_s
        ),
        default=0.0,
    )


def _app(steady: Mapping[str, Series], plan: Plan) -> dict[str, Any]:
    loop, sockets = steady["app_loop"], steady["app_sockets"]
    lag_ms = loop.most("lag_max_ms")
    busy = [loop.where("pid", pid).rate("busy_s") for pid in {text["pid"] for text in loop.text}]
    known = [rate for rate in busy if rate is not None]
    threads = plan.app_workers * plan.app_threads
    return {
        "app_loop_lag_max_ms": lag_ms,
        "app_busy_share": round(sum(known) / threads, 4) if known and lag_ms is None else None,
        "app_open_max": _whole(sockets.most("open")),
        "app_backlog_max": _whole(sockets.most("backlog")),
        "app_backlog_limit": _whole(sockets.most("backlog_limit")),
    }


def _databases(steady: Mapping[str, Series]) -> dict[str, Any]:
    postgres, pooler = steady["postgres"], steady["pgbouncer"]
    longest_s = pooler.most("longest_wait_s")
    return {
        "postgres_sessions_max": _whole(postgres.most("total")),
        "postgres_app_sessions_max": _whole(postgres.most("app")),
        "postgres_waiting_max": _whole(postgres.most("waiting")),
        "postgres_max_connections": _whole(postgres.most("max_connections")),
        "pgbouncer_waiting_max": _whole(pooler.most("clients_waiting")),
        "pgbouncer_longest_wait_ms": None if longest_s is None else round(longest_s * 1000, 3),
    }


def _clocks(series: Series) -> dict[str, ClockOffset]:
    """Each observer's clock. The first row is what it told all times by."""
    found = {}
    for node, own in series.each("node").items():
        asked = [
            ClockOffset(offset_s, uncertainty_s)
            for row in own.rows
            if (offset_s := row.get("offset_s")) is not None
            and (uncertainty_s := row.get("uncertainty_s")) is not None
        ]
        if not asked:
            continue
        # the master is busy meanwhile: the last few times that it was asked, and of these the best
        last = min(asked[1:][-LAST_TIMES:], key=lambda one: one.uncertainty_s, default=None)
        found[node] = asked[0].measured_again(last) if last else asked[0]
    return found


def _host(steady: Mapping[str, Series]) -> dict[str, Any]:
    """Of each machine that was looked at; the worst of each kind counts."""
    used = steady["processes"].each("node")
    every = [
        _machine(host, used.get(node, Series([], [])))
        for node, host in steady["host"].each("node").items()
    ]
    names = dict.fromkeys(name for one in every for name in one)
    return {
        name: max((v for one in every if (v := one[name]) is not None), default=None)
        for name in names
    }


def _machine(host: Series, processes: Series) -> dict[str, float | None]:
    cpus = host.most("cpus") or 1.0
    busy, steal = host.rate("cpu_busy_s"), host.rate("cpu_steal_s")
    roles = _roles(processes)
    ours = sum(used.cpu_share_mean for used in roles.values())
    pressure = {
        f"pressure_{kind}_share": _rounded(host.rate(f"pressure_{kind}_s"))
        for kind in ("cpu", "io", "memory")
    }
    return {
        "cpu_steal_share": None if steal is None else round(steal / cpus, 4),
        "cpu_others_share": round(max(0.0, busy - ours) / cpus, 4) if busy and roles else None,
        **pressure,
    }


def _happened(whole: Mapping[str, Series], logs: Path, unseen: bool) -> dict[str, Any]:
    """What must not happen, over the whole load. `unseen`: the app workers went out of sight."""
    workers, starts = whole["app_workers"], set(whole["postgres"].values("started_at"))
    firsts_s, lasts_s = workers.values("first_at_s"), workers.values("last_at_s")
    crashes = _count_in_log(logs / "database.log", CRASHED) or 0
    return {
        "app_workers_begun": sum(s > min(firsts_s) for s in firsts_s) if firsts_s else None,
        "app_workers_ended": _ended(whole) if lasts_s and not unseen else None,
        "app_worker_timeouts": _count_in_log(logs / "app.log", TIMEOUT),
        "postgres_restarts": len(starts) - 1 + crashes if starts else crashes or None,
        "oom_kills": _killed(whole["host"]),
    }


def _killed(host: Series) -> int | None:
    """Processes killed for memory, on all machines together."""
    gains = [one.gain("oom_kills") for one in host.each("node").values()]
    found = [gain for gain in gains if gain is not None]
    return int(sum(found)) if found else None


def _ended(whole: Mapping[str, Series]) -> int:
    """App workers that were not there any more at the last look."""
    lasts_s = whole["app_workers"].values("last_at_s")
    looked_s = whole["app_workers"].most("looked_at_s")
    if looked_s is not None:
        return sum(last_s < looked_s for last_s in lasts_s)
    # older sessions: the last look is another probe's, which may have had a turn more
    ends_s = [*whole["processes"].values("at_s"), *lasts_s]
    return sum(last_s < max(ends_s) - 1.5 for last_s in lasts_s)


def _count_in_log(log: Path, words: str) -> int | None:
    """How often a role's log says something; None without the log. DamagedFile, StorageError."""
    printed = data(log)
    return None if printed is None else printed.decode("utf-8", "replace").count(words)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
