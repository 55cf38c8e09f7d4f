"""What signals do, in a process of its own: its exit code and what it said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig import interruption
from rig.model import ExitCode
from tests.runs import ROOT

HEAD = """\
import os, sys, time
from rig import interruption
from rig.interruption import Handing, Unwinding, end, interrupted

def sig(number):
    os.kill(os.getpid(), number)

interruption.install()
"""
UNWINDS = """\
try:
    with Unwinding():
        {}
        time.sleep(60)
except KeyboardInterrupt:
    print("undone")
interruption.say()
end(130)
"""


def runs(body: str) -> tuple[int, str, str]:
    """Its exit code, standard output and standard error."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + body], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def test_the_exit_code_is_the_documented_one() -> None:
    assert interruption.EXIT_CODE == ExitCode.INTERRUPTED


@pytest.mark.parametrize("number", interruption.SIGNALS)
def test_where_nothing_has_to_be_undone_it_ends_at_once(number: int) -> None:
    assert runs(f"sig({number}); time.sleep(60)") == (130, "", "interrupted\n")


@pytest.mark.parametrize("number", interruption.SIGNALS)
def test_the_first_signal_unwinds(number: int) -> None:
    assert runs(UNWINDS.format(f"sig({number})")) == (130, "undone\n", "interrupted\n")


def test_the_second_calls_who_has_to_be_called_and_ends() -> None:
    body = """\
with Unwinding(at_once=lambda: print("removed", flush=True)):
    try:
        sig(2)
    finally:
        sig(15)
        time.sleep(60)
"""
    assert runs(body) == (130, "removed\n", "interrupted\n")


def test_a_third_waits_for_nothing() -> None:
    body = """\
def long():
    sig(1)
    time.sleep(60)

with Unwinding(at_once=long):
    try:
        sig(2)
    finally:
        sig(15)
"""
    assert runs(body) == (130, "", "interrupted\n")


def test_what_breaks_on_the_way_out_hinders_nothing() -> None:
    body = """\
def broken():
    raise ValueError

with Unwinding(at_once=broken):
    try:
        sig(2)
    finally:
        sig(2)
"""
    assert runs(body) == (130, "", "interrupted\n")


def test_an_interruption_where_python_lets_no_exception_out_comes_again() -> None:
    class_ = """\
class Deaf:
    def __del__(self):
        sig(2)
        for _ in range(1000): pass

"""
    assert runs(class_ + UNWINDS.format("Deaf()")) == (130, "undone\n", "interrupted\n")


def test_a_signal_on_the_way_to_the_end_counts() -> None:
    body = """\
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [15])
sig(15)
end(0)
"""
    assert runs(body) == (130, "", "interrupted\n")


def test_what_was_printed_is_out_at_the_end() -> None:
    assert runs("print('all of it'); end(5)") == (5, "all of it\n", "")


def test_an_end_without_standard_output_is_an_end() -> None:
    assert runs("sys.stdout = None; end(5)") == (5, "", "")


def test_a_handler_is_handed_every_signal() -> None:
    body = """\
with Handing(print):
    for number in (1, 2, 15): sig(number)
assert interrupted()
end(3)
"""
    assert runs(body) == (3, "1\n2\n15\n", "")


def test_what_is_said_may_be_decided_later() -> None:
    assert (
        runs("interruption.set_message('interrupted; go on'); sig(2)")[2] == "interrupted; go on\n"
    )


def test_a_forked_child_dies_of_its_parents_signal() -> None:
    body = """\
read, write = os.pipe()
child = os.fork()
if not child:
    os.write(write, b"ready")
    time.sleep(60)
    os._exit(1)
os.read(read, 5)
os.kill(child, 15)
_, status = os.waitpid(child, 0)
end(os.WTERMSIG(status))
"""
    assert runs(body) == (15, "", "")


def test_it_is_there_before_anything_that_takes_time_to_import(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from rig import interruption")
    told = subprocess.run(
        [sys.executable, "-X", "importtime", script], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True,
    ).stderr.splitlines()  # fmt: skip
    names = [line.rpartition("|")[2].strip() for line in told]
    # `atexit` is a part of the interpreter
    assert names[names.index("site") + 1 :] == ["rig", "atexit", "rig.interruption"]


RELAY = """\
from rig.backends.processes import relay
with Unwinding():
    code = relay(["sh", "-c", {!r}], dict(os.environ))
    print(code, interrupted(), flush=True)
end(code)
"""
INNER = """\
import sys; sys.path.insert(0, {!r})
from rig import interruption
from rig.interruption import Unwinding
interruption.install()
import time
try:
    with Unwinding():
        open({!r}, "w").close()
        # in short sleeps: one signal that comes just before a sleep begins does not end it
        for _ in range(6000):
            time.sleep(0.01)
except KeyboardInterrupt:
    interruption.end(77)
"""


def relaying(script: str, ready: Path) -> subprocess.Popen[str]:
    """A process that relays to a shell's child, once there is such a child."""
    outer = subprocess.Popen(
        [sys.executable, "-c", HEAD + RELAY.format(script)], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    give_up_s = time.monotonic() + 60
    while not ready.exists():
        assert time.monotonic() < give_up_s
        time.sleep(0.01)
    return outer


@pytest.mark.parametrize("number", interruption.SIGNALS)
def test_a_relay_hands_signals_to_a_runner_that_handles_them(tmp_path: Path, number: int) -> None:
    ready, inner = tmp_path / "ready", tmp_path / "inner.py"
    inner.write_text(INNER.format(str(ROOT), str(ready)))
    outer = relaying(f"{sys.executable} {inner}; exit $?", ready)
    outer.send_signal(number)
    out, err = outer.communicate(timeout=60)
    assert (outer.returncode, out, err) == (77, "77 True\n", "")


def test_a_relay_ends_what_has_no_handlers_yet(tmp_path: Path) -> None:
    """Process 1 of a namespace would never learn of the signal."""
    ready = tmp_path / "ready"
    outer = relaying(f"trap '' TERM; (trap '' TERM; touch {ready}; sleep 60); exit 0", ready)
    outer.send_signal(signal.SIGTERM)
    out, err = outer.communicate(timeout=60)
    assert (outer.returncode, out, err) == (137, "137 True\n", "")


def test_a_relay_ends_what_does_not_end_at_the_third_signal(tmp_path: Path) -> None:
    ready, inner = tmp_path / "ready", tmp_path / "inner.py"
    deaf = INNER.format(str(ROOT), str(ready)).replace("with Unwinding():", "with Deaf(len):")
    deaf = deaf.replace("import Unwinding", "import Handing as Deaf").replace("len", "lambda _: 0")
    inner.write_text(deaf)
    outer = relaying(f"{sys.executable} {inner}; exit $?", ready)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        assert outer.poll() is None
        outer.send_signal(number)
        time.sleep(0.1)
    assert outer.communicate(timeout=60)[0] == "137 True\n"


AS_IT_STARTS = """\
import signal, subprocess

real = subprocess.Popen

def popen(*command, **options):
    child = real(*command, **options)
    sig(signal.SIGTERM)
    return child

subprocess.Popen = popen
"""


def test_a_signal_that_comes_as_the_relay_starts_is_handed_on() -> None:
    code, out, _ = runs(AS_IT_STARTS + RELAY.format("sleep 60"))
    assert (code, out) == (137, "137 True\n")


IN_A_THREAD = """\
import signal, threading

def hit():
    while not os.path.exists({!r}):
        time.sleep(0.01)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

threading.Thread(target=hit).start()
"""


def test_a_relay_hands_on_a_signal_that_a_library_s_thread_received(tmp_path: Path) -> None:
    """The kernel may give a signal to any thread; only the first one can handle it."""
    ready, inner = tmp_path / "ready", tmp_path / "inner.py"
    inner.write_text(INNER.format(str(ROOT), str(ready)))
    relays = RELAY.format(f"{sys.executable} {inner}; exit $?")
    code, out, _ = runs(IN_A_THREAD.format(str(ready)) + relays)
    assert (code, out) == (77, "77 True\n")
