"""How a session is shown while it runs: a live view on a terminal, plain lines on a pipe."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rig.backends.base import LoadProgress
from rig.cli.terminal import Screen
from rig.model import OUTCOME_OK, Phase, Verdict
from rig.plan import Plan, Trial
from rig.probes import Row
from rig.record import Record
from rig.session import SessionListener

OVERHEAD_GUESS_S = 6.0


def overhead_guess_s(plan: Plan) -> float:
    """About how long a trial takes beyond its load, as long as none has told."""
    return OVERHEAD_GUESS_S + plan.sessions_guess_s


@dataclass
class Eta:
    """Seconds left, from the load still to come and what trials took beyond theirs so far."""

    trials: int = 0
    load_s: float = 0.0
    guessed_s: float = 0.0
    """Beyond their load, of those to come."""
    overheads_s: list[float] = field(default_factory=list)

    def plan(self, trials: Sequence[Trial]) -> None:
        """More trials are to come."""
        self.trials += len(trials)
        self.load_s += sum(trial.plan.load.duration_s for trial in trials)
        self.guessed_s += sum(overhead_guess_s(trial.plan) for trial in trials)

    def end(self, trial: Trial, took_s: float) -> None:
        """One of them is over."""
        load_s = trial.plan.load.duration_s
        self.trials -= 1
        self.load_s -= load_s
        self.overheads_s.append(max(0.0, took_s - load_s))

    def left_s(self) -> float:
        """An estimate."""
        if not self.overheads_s:
            return self.load_s + self.guessed_s
        return self.load_s + self.trials * statistics.median(self.overheads_s)


def clock(duration_s: float) -> str:
    """Seconds as people read them: `4 min 05 s`, `1 h 20 min`."""
    whole_s = round(duration_s)
    if whole_s < 60:
        return f"{whole_s} s"
    if whole_s < 3600:
        return f"{whole_s // 60} min {whole_s % 60:02d} s"
    return f"{whole_s // 3600} h {whole_s % 3600 // 60:02d} min"


def summary(trial: Trial, record: Record) -> str:
    """A finished trial in one line; its numbers are the analysis's to make."""
    load = record.load
    correct = load.outcomes.get(OUTCOME_OK, 0)
    counted = f"{correct} correct, {load.finished - correct} failed"
    reason = f" ({record.why})" if record.why else ""
    return f"{trial.name}: {record.verdict}, {counted}{reason}"


class Plain:
    """One line an event, for pipes and logs."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._eta = Eta()
        self._began_s = 0.0
        self._done = 0
        self._total = 0

    def _say(self, line: str, style: str = "") -> None:
        self._screen.say_line(line, style)

    def planned(self, trials: Sequence[Trial], in_all: str) -> None:
        self._eta.plan(trials)
        self._total += len(trials)
        more = f"; {in_all}" if in_all else ""
        self._say(f"{len(trials)} trials to run, about {clock(self._eta.left_s())}{more}")

    def began(self, trial: Trial) -> None:
        self._began_s = time.monotonic()

    def phase(self, phase: Phase) -> None:
        pass

    def progress(self, progress: LoadProgress) -> None:
        pass

    def sampled(self, probe: str, rows: Sequence[Row]) -> None:
        pass

    def ended(self, trial: Trial, record: Record) -> None:
        self._eta.end(trial, time.monotonic() - self._began_s)
        self._done += 1
        left = clock(self._eta.left_s())
        style = "yellow" if record.verdict in (Verdict.INVALID, Verdict.FAILED) else ""
        self._say(f"[{self._done}/{self._total}] {summary(trial, record)}; {left} left", style)

    def skipped(self, trial: Trial) -> None:
        self._say(f"skipped {trial.name}: {trial.skip}")

    def message(self, line: str) -> None:
        self._say(line)

    def retrying(self, trial: Trial, record: Record) -> None:
        self._eta.plan([trial])
        self._total += 1
        self._say(f"{trial.name}: disturbed, so it is tried again")

    def close(self) -> None:
        pass


class Terminal(Plain):
    """Plain lines for what is over, and below them a live view of the trial that runs."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self._trial: Trial | None = None
        self._phase: Phase | None = None
        self._progress: LoadProgress | None = None
        self._live = Live(console=screen, refresh_per_second=4, get_renderable=self._view)
        self._live.start()

    def _view(self) -> Group | Text:
        if self._trial is None:
            return Text("")
        eta = clock(self._eta.left_s() - min(self._elapsed_s(), self._eta.left_s()))
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            self._screen.render_str(self._trial.name, style="bold"), str(self._phase or "")
        )
        seen = self._progress
        if seen is not None:
            failures = {name: n for name, n in seen.outcomes.items() if name != OUTCOME_OK}
            grid.add_row(
                f"{seen.users} users",
                f"{seen.goodput_rps} correct/s",
                Text(f"{seen.failed_rps} failed/s", style="red" if seen.failed_rps else ""),
                ", ".join(f"{name} {count}" for name, count in sorted(failures.items())),
            )
        bar = ProgressBar(total=max(1, self._total), completed=self._done, width=40)
        matrix = Table.grid(padding=(0, 2))
        matrix.add_row(bar, f"{self._done} of {self._total} trials", f"{eta} left")
        return Group(matrix, grid)

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began_s

    def began(self, trial: Trial) -> None:
        super().began(trial)
        self._trial, self._progress = trial, None

    def phase(self, phase: Phase) -> None:
        self._phase = phase

    def progress(self, progress: LoadProgress) -> None:
        self._progress = progress

    def ended(self, trial: Trial, record: Record) -> None:
        self._trial = None
        super().ended(trial, record)

    def close(self) -> None:
        self._trial = None
        self._live.stop()


class Several:
    """Several views as one: each is told everything."""

    def __init__(self, views: Sequence[SessionListener]) -> None:
        self._views = views

    def planned(self, trials: Sequence[Trial], in_all: str) -> None:
        for view in self._views:
            view.planned(trials, in_all)

    def began(self, trial: Trial) -> None:
        for view in self._views:
            view.began(trial)

    def phase(self, phase: Phase) -> None:
        for view in self._views:
            view.phase(phase)

    def progress(self, progress: LoadProgress) -> None:
        for view in self._views:
            view.progress(progress)

    def sampled(self, probe: str, rows: Sequence[Row]) -> None:
        for view in self._views:
            view.sampled(probe, rows)

    def ended(self, trial: Trial, record: Record) -> None:
        for view in self._views:
            view.ended(trial, record)

    def skipped(self, trial: Trial) -> None:
        for view in self._views:
            view.skipped(trial)

    def message(self, line: str) -> None:
        for view in self._views:
            view.message(line)

    def retrying(self, trial: Trial, record: Record) -> None:
        for view in self._views:
            view.retrying(trial, record)


def watch(screen: Screen) -> Plain:
    """The view that fits where the output goes."""
    return Terminal(screen) if screen.is_terminal else Plain(screen)
