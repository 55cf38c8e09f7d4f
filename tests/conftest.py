"""Which suites this machine can run, decided in one place.

A suite is a marker. Where a machine lacks what a suite needs, its tests are skipped and the
terminal's summary says so in one line. `REQUIRE_SUITES="integration second_kernel"` makes it a
failure that a suite named there did not run.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rig.backends.docker import stack_files
from rig.model import RigError
from tests.integration.nobody import ordinary_user
from tests.shares import SHARE, by_chance

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

DEADLINE_S = 30

# what tests report is nothing for the CI step that runs them
for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(name, None)


def _why_not(command: Sequence[str], do: str) -> str:
    """Empty if the command succeeds, otherwise what it said and what to do."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, cwd="/")
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{error}; {do}"
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
    return f"{' '.join(command)}: {said[-1]}; {do}"


def _no_namespaces() -> str:
    if os.geteuid() == 0:
        return _why_not(["unshare", "--net", "true"], "run as a root that may make namespaces")
    return _why_not(["unshare", "-Ur", "--net", "true"], "allow unprivileged user namespaces")


def _no_ordinary_user() -> str:
    # By way of a shell: setpriv itself could still start a Python that only root can read.
    run_python = f"exec '{sys.executable}' -c 'import pytest'"
    do = "allow unprivileged user namespaces, and a Python that all users can read"
    try:
        with tempfile.TemporaryDirectory() as scratch, ordinary_user(Path(scratch)) as through:
            command = [*through, "unshare", "-Ur", "--net", "sh", "-c", run_python]
            return _why_not(command, do)
    except (RuntimeError, RigError) as error:
        return f"{error}; {do}"


def _no_second_kernel() -> str:
    program = os.environ.get("SECOND_KERNEL", "")
    if program and shutil.which(program):
        return ""
    found = f"SECOND_KERNEL={program} is no program" if program else "SECOND_KERNEL is not set"
    return f"{found}; set it to a program that runs a command under a kernel with sch_netem"


def _no_docker() -> str:
    # what the rig itself needs: an engine that answers, and Compose v2
    return stack_files.unsupported_reason()


def _no_swarm() -> str:
    program = os.environ.get("SWARM", "")
    if not (program and shutil.which(program)):
        found = f"SWARM={program} is no program" if program else "SWARM is not set"
        return f"{found}; set it to a program that makes engines that are one Swarm"
    return _no_docker() if os.geteuid() == 0 else "only root may make engines"


def _no_browser() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return "" if found else "chromium is not here; sudo apt install chromium"


SUITES: Mapping[str, Callable[[], str]] = {
    "integration": cache(_no_namespaces),
    "ordinary_user": cache(_no_ordinary_user),
    "second_kernel": cache(_no_second_kernel),
    "compose": cache(_no_docker),
    "swarm": cache(_no_swarm),
    "browser": cache(_no_browser),
}
"""Per suite: why this machine cannot run it; empty where it can."""

CAMPAIGN = "campaign"
"""The marker of what only `make campaign` runs, whatever else is asked for."""

EITHER = ("integration", "compose")
"""The backends' suites; what is marked `either_backend` is one proof, made on each of them."""

SHARED = ("a_share", "of_many")
"""The markers of which SHARE decides how many are made."""

SKIPPED = pytest.StashKey[dict[str, str]]()
RAN = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a required suite that does not exist: it would pass by never running."""
    config.stash[SKIPPED] = {}
    config.stash[RAN] = Counter()
    if unknown := sorted(_required() - SUITES.keys()):
        raise pytest.UsageError(f"REQUIRE_SUITES: no suite {unknown}; there are {sorted(SUITES)}")


@pytest.hookimpl(trylast=True)  # no suite is looked for that -m leaves out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes too long unless it is named; skip suites that cannot run here."""
    if CAMPAIGN not in config.option.markexpr:
        long = {item for item in items if item.get_closest_marker(CAMPAIGN)}
        config.hook.pytest_deselected(items=[*long])
        items[:] = [item for item in items if item not in long]
    here = by_chance(EITHER)
    elsewhere = {item for item in items if _is_only_on(item, [*{*EITHER} - {*here}])}
    for mark in SHARED:
        alike = [item for item in items if item.get_closest_marker(mark)]
        elsewhere |= {*alike} - {*by_chance(alike)}
    config.hook.pytest_deselected(items=[*elsewhere])
    items[:] = [item for item in items if item not in elsewhere]
    for item in items:
        for suite in _suites(item):
            if why := SUITES[suite]():
                config.stash[SKIPPED][suite] = why
                item.add_marker(pytest.mark.skip(reason=f"suite {suite} cannot run here"))


@pytest.hookimpl(optionalhook=True)  # not there where tests run in one process
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Which worker runs what."""
    from tests.spread import ByFile

    return ByFile(config, log)


def pytest_report_header() -> list[str]:
    """Which share of what repeats itself on real stacks is tried."""
    said = f"of what repeats itself one in {SHARE}, SEED={os.environ.get('SEED')}"
    return [said] if SHARE > 1 else []


def pytest_collection_finish() -> None:
    """Leave what was collected out of garbage collections: it stays to the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count, per suite, the tests that came as far as their own code and were not skipped."""
    report = yield
    if report.when == "call" and not report.skipped:
        item.config.stash[RAN].update(_suites(item))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A required suite that did not run is a failure."""
    listing_only = session.config.option.collectonly
    if not listing_only and not session.exitstatus and _not_run(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """One line per suite that was skipped, and one per required suite that did not run."""
    for suite, why in sorted(config.stash[SKIPPED].items()):
        terminalreporter.write_line(f"SKIPPED SUITE {suite}: {why}", yellow=True)
    for suite in _not_run(config):
        terminalreporter.write_line(
            f"FAILED: suite {suite} is required (REQUIRE_SUITES), and no test of it ran", red=True
        )


def _required() -> set[str]:
    return set(os.environ.get("REQUIRE_SUITES", "").split())


def _not_run(config: pytest.Config) -> list[str]:
    return sorted(suite for suite in _required() if not config.stash[RAN][suite])


def _is_only_on(item: pytest.Item, left_out: Sequence[str]) -> bool:
    """Whether a proof that either backend gives is made on one that is left out."""
    return bool(item.get_closest_marker("either_backend")) and bool({*_suites(item)} & {*left_out})


def _suites(item: pytest.Item) -> list[str]:
    return [suite for suite in SUITES if item.get_closest_marker(suite)]
