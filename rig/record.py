"""The Record: everything one attempt observed, read-only from then on, and its verdict.

Pure. May not know how anything was observed. Written as `manifest.json`, last of all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from rig.calibration import Ms, Prediction, Rps
from rig.clock import ClockOffset
from rig.counts import ONCE_PER_APP_WORKER as ONCE_PER_APP_WORKER
from rig.counts import LedgerFacts as LedgerFacts
from rig.counts import RouteAnswers as RouteAnswers
from rig.counts import StatementFacts as StatementFacts
from rig.counts import TableRows as TableRows
from rig.disk.facts import Facts, versions_in
from rig.disk.schema import another
from rig.disk.typed import Unfit, fitted
from rig.inference.capacity import Tried
from rig.inference.objective import ObjectiveFacts as ObjectiveFacts
from rig.inference.stationarity import Window
from rig.load.spec import LOCUST, Client
from rig.model import (
    ADVICE,
    FIRST_RULES,
    RULES,
    SCHEMA,
    Count,
    Index,
    LengthS,
    Level,
    Status,
    Verdict,
    cpus_of,
)


@dataclass(frozen=True)
class Span:
    """A phase of an attempt, in seconds on the session's monotonic clock."""

    phase: str
    start_s: float
    end_s: float
    error: str = ""

    @property
    def failure(self) -> str:
        """What went wrong in which phase, and what to do, on one line."""
        return f"{self.phase}: {self.error.replace(ADVICE, '; ')}"


@dataclass(frozen=True)
class PathDelay:
    """Round trips of one path out of the app's namespace: one delay each, and the path itself."""

    link: str
    asked_ms: Ms
    before_ms: tuple[Ms, ...] = ()
    during_ms: tuple[Ms, ...] = ()
    after_ms: tuple[Ms, ...] = ()
    lost: Count = 0
    """Connects to a closed port that nobody answered within their deadline."""
    base_ms: tuple[Ms, ...] = ()
    """Before any delay was set; none where the path is on one machine."""


@dataclass(frozen=True)
class DelayFacts:
    """The delay as it was observed. Empty `mechanism`: none was asked, none was set."""

    mechanism: str = ""
    why: str = ""
    """Why this mechanism and not another: what the probe of the kernel answered."""
    paths: tuple[PathDelay, ...] = ()
    packets: int = 0
    drops: int = 0
    missing: int = 0
    """Packets that went into the delay and neither came out nor were counted as dropped."""
    overruns: int = 0
    """Times the kernel could not hand a packet over (ENOBUFS)."""
    alive_to_the_end: bool = True


@dataclass(frozen=True)
class SessionFacts:
    """What users did before their first requests, which count for no route."""

    requests: Count = 0
    done: Count = 0
    """Users who are past it."""
    done_in_steady: Count = 0
    """Of older loads, which did not wait for them: who ended it in the steady window."""
    failed: Mapping[str, Count] = field(default_factory=dict)
    """Sessions that came to an end before, by step and answer."""
    mean_ms: Ms | None = None
    longest_ms: Ms = 0.0
    begun_over_s: LengthS | None = None
    """From the first one's beginning to the last one's; None of older loads."""


@dataclass(frozen=True)
class TlsFacts:
    """What the load's complete TLS handshakes cost; encrypting what follows is not among it."""

    handshakes: Count = 0
    cpu_s: LengthS = 0.0
    """CPU time of the load workers in all of them."""
    mean_ms: Ms | None = None
    """From the first message to the last, the target's part and every wait included."""
    longest_ms: Ms = 0.0


@dataclass(frozen=True)
class RequestCounts:
    """What became of the requests of one name, of the whole load."""

    started: Count = 0
    finished: Count = 0
    failed: Count = 0
    """Of those that finished."""
    unfinished: Count = 0
    """In flight at the stop."""


@dataclass(frozen=True)
class LocustFileFacts:
    """What the load workers said of somebody's own Locust file."""

    user_classes: tuple[str, ...] = ()
    """Those that were run."""
    notes: tuple[str, ...] = ()
    """What of the file was not used."""
    requests: Mapping[str, RequestCounts] = field(default_factory=dict)
    """By method and name."""
    task_errors: Mapping[str, Count] = field(default_factory=dict)
    """Exceptions that no task caught: user class, place and first text, and how often."""


@dataclass(frozen=True)
class LoadFacts:
    """The load as it was observed, counted by the recorder at the master."""

    load_workers_asked: Index = 0
    load_workers_connected: Index = 0
    load_workers_lost: Index = 0
    load_worker_addresses: tuple[str, ...] = ()
    client: Client = LOCUST
    """Who sent: the rig's own client, or Locust's; older loads, which do not say, Locust's."""
    finished_by_load_worker: Mapping[str, Count] = field(default_factory=dict)
    """Each load worker's own count, by its address."""
    peak_users: Count = 0
    started: Count = 0
    finished: Count = 0
    in_flight_at_stop: Count = 0
    in_flight_ages_s: tuple[LengthS, ...] = ()
    """How long each of those had been under way, ascending."""
    never_answered_users: Count | None = None
    """Users of a closed load with a request in flight at the stop and no answer before it."""
    sequences: Mapping[str, Count] = field(default_factory=dict)
    """The highest sequence number each load worker gave a request, by its Locust index."""
    planned_users: tuple[Index, ...] = ()
    active_users: tuple[Index, ...] = ()
    """Users of a closed load at the end of each second, from second 0 on."""
    in_flight: tuple[Index, ...] = ()
    """Requests under way at the end of each second, where users leave before the end."""
    load_worker_cpu_share: Mapping[str, float] = field(default_factory=dict)
    """Process CPU s ÷ s, mean over the steady window, by load worker."""
    greenlet_lag_p99_ms: float | None = None
    """How late greenlets woke up in the steady window, over all load workers."""
    p50_ms: Ms | None = None
    """Response time of the correct answers of the steady window; None of fewer than 10."""
    successes_first_third: Count | None = None
    successes_last_third: Count | None = None
    """Correct answers in equal parts of the steady window; None below 3 whole seconds."""
    successes: Count | None = None
    """Correct answers of the steady window; None without its files."""
    goodput_rps: Rps | None = None
    """Correct answers per second of the steady window; None where the sample carries none."""
    dropped: Count = 0
    """Arrivals of an open load that found `max_in_flight` requests under way; never sent."""
    began_at_s: float = 0.0
    """The load's second 0 in session time, the load master's CLOCK_MONOTONIC."""
    clocks: Mapping[str, ClockOffset] | None = None
    """How far each load worker's clock is from the session's, by its address; None of older loads,
    which took all for one."""
    ramp_s: LengthS = 0.0
    """When the steady window began, seconds after the load did; what was planned."""
    duration_s: LengthS = 0.0
    outcomes: Mapping[str, Count] = field(default_factory=dict)
    window: Window | None = None
    """The steady window's rates and times; None where its files are not there."""
    complete: bool = False
    """Whether every load worker's last report reached the master."""
    sessions: SessionFacts | None = None
    """What became of the users' sessions; None where they have none."""
    tls: TlsFacts | None = None
    """None without TLS, and where Locust's client sends."""
    locustfile: LocustFileFacts | None = None
    """None where the users were the rig's own."""
    objective: ObjectiveFacts | None = None
    """How the window kept its plan's objective; None where that has none, or files are missing."""


@dataclass(frozen=True)
class RoleUse:
    """What a role used in the steady window, over all its processes and instances."""

    cpu_share_mean: float
    """CPU time per second: 1 is one CPU, all the time."""
    cpu_share_max: float
    """The most between two samples."""
    rss_peak_bytes: int
    """Pages that processes share are counted once for each instance of the role."""
    waits_involuntary_per_s: float
    """How often the CPU was taken from a thread that still wanted it."""
    throttled_s: float | None = None
    """Kept from the CPU by a quota; None where no control group counts that."""


@dataclass(frozen=True)
class ProbeFacts:
    """The probes' series, summed up. None where a probe has nothing to say.

    Of the steady window, but for what must not happen at all: that is of the whole load.
    """

    samples: Mapping[str, int] = field(default_factory=dict)
    """Samples taken, by probe; for `app_workers`, the processes seen."""
    clocks: Mapping[str, ClockOffset] = field(default_factory=dict)
    """How far each observer's clock is from the session's, by its machine; "" is the runner's."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why a probe has less to say than it should, or nothing, by probe."""
    roles: Mapping[str, RoleUse] = field(default_factory=dict)
    app_busy_share: float | None = None
    """Mean share of the app's threads inside requests; None on an event loop, which has many."""
    app_loop_lag_max_ms: float | None = None
    """None without an event loop."""
    app_open_max: int | None = None
    """Connections to the app, those it has not accepted yet included."""
    app_backlog_max: int | None = None
    """Connections it has not accepted yet."""
    app_backlog_limit: int | None = None
    app_workers_begun: int | None = None
    """App workers that were not there when the load began. Whole load."""
    app_workers_ended: int | None = None
    """App workers that were not there any more when it ended. Whole load."""
    app_worker_timeouts: int | None = None
    """Times gunicorn said that it killed an app worker for its silence. Whole attempt."""
    postgres_sessions_max: int | None = None
    """Client sessions of any role, but for the probe's own."""
    postgres_app_sessions_max: int | None = None
    """Those of the app's role: the app's, or its pooler's."""
    postgres_waiting_max: int | None = None
    """Sessions that waited for a lock or a disk at one moment."""
    postgres_max_connections: int | None = None
    postgres_restarts: int | None = None
    """Starts in the load, and crashes of one session that ended all others. Whole attempt."""
    pgbouncer_waiting_max: int | None = None
    """Clients without a server connection at one moment."""
    pgbouncer_longest_wait_ms: float | None = None
    cpu_steal_share: float | None = None
    """Time the hypervisor gave to others, of all CPUs' time."""
    cpu_others_share: float | None = None
    """CPU time of all that is not a role of the stack, of all CPUs' time."""
    pressure_cpu_share: float | None = None
    """Share of the time in which some task waited for a CPU; the stack's own tasks included."""
    pressure_io_share: float | None = None
    pressure_memory_share: float | None = None
    oom_kills: int | None = None
    """Processes that the kernel killed for memory, on the whole machine. Whole load."""


FEASIBILITY = "feasibility"
"""The check that passes where a round of all users was predicted to fit, and else warns."""


@dataclass(frozen=True)
class Check:
    """What one check says. `again`: whether another attempt can help."""

    name: str
    status: Status
    says: str
    again: bool = False
    needs: str = ""
    """The power that the target lacks; such an unknown does not bar a verdict."""


@dataclass(frozen=True)
class Record:
    """One attempt, as observed. What was asked is in the plan, never here."""

    trial: str
    attempt: Index
    backend: str
    levels: Mapping[str, Level]
    plan_digest: str
    started_at: str
    """Wall clock, ISO 8601: a label only."""
    spans: tuple[Span, ...] = ()
    facts: Facts = field(default_factory=Facts)
    """What each role said of itself: versions, effective settings, pids, CPU sets."""
    delay: DelayFacts = DelayFacts()
    load: LoadFacts = LoadFacts()
    probes: ProbeFacts = field(default_factory=ProbeFacts)
    ledger: LedgerFacts = field(default_factory=LedgerFacts)
    predicted: Prediction | None = None
    """None where the session's calibration has nothing to say of this trial."""
    null_rps: Rps | None = None
    """What the session's load workers can make of a null target."""
    null_share: float | None = None
    """Answers per second of this load, failures included, as a part of that."""
    null_share_by_node: Mapping[str, float] = field(default_factory=dict)
    """The same of the load workers on each node, where there are several machines."""
    checks: tuple[Check, ...] = ()
    verdict: Verdict = Verdict.UNKNOWN
    why: str = ""
    lost_node: str = ""
    """The machine that was lost meanwhile, for which alone the attempt failed; empty for none."""
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of every file of the attempt, by its path inside the attempt's folder."""
    schema: int = SCHEMA
    rules: Index = RULES
    """By which its facts were taken and its checks judged."""

    def cpus(self, role: str) -> tuple[int, ...]:
        """The CPUs that a role may run on; none where nobody said."""
        return cpus_of(self.facts.get("cpus", {}).get(role, ()))

    @property
    def sessions_left(self) -> int:
        """Database sessions of the app that had not ended when the last counts were made."""
        return self.facts.get("sessions_left", 0)

    @property
    def versions(self) -> tuple[tuple[str, str], ...]:
        """What each role said of its versions, by name."""
        return tuple(versions_in(self.facts.values()))

    def check(self, name: str) -> Check | None:
        """What one check says; None where it was not made."""
        return next((check for check in self.checks if check.name == name), None)

    def tried_at(self, rate_per_s: float) -> Tried:
        """What it tells a search for a capacity: nothing, unless it is valid."""
        kept = self.load.objective
        if self.verdict is not Verdict.VALID or kept is None:
            return Tried(rate_per_s, None)
        window_s = self.load.duration_s - self.load.ramp_s
        offered_rps = kept.requests / window_s if kept.requests and window_s else None
        requests = kept.requests or None
        return Tried(rate_per_s, kept.excess, self.load.goodput_rps, offered_rps, requests)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON-ready data."""
        return dataclasses.asdict(self)


def record_from_json(data: Any) -> Record:
    """A Record from what `to_json` wrote.

    Unfit, a ValueError, with the key, for one of another schema or for no manifest.
    """
    if says := another(data):
        raise Unfit(says)
    fitted(_Manifest, data)
    return fitted(Record, {"rules": FIRST_RULES, **data})


class _Manifest(TypedDict):
    """What every manifest has."""

    spans: object
    delay: object
    load: object
    checks: object
    verdict: object


def load_from_json(data: Any) -> LoadFacts:
    """LoadFacts from their JSON. Unfit, a ValueError, with the key, where it is none."""
    return fitted(LoadFacts, data)
