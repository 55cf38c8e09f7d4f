"""What is shown while a session runs."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from rig.backends.base import LoadProgress
from rig.cli.terminal import Screen
from rig.cli.watch import OVERHEAD_GUESS_S, Eta, Plain, Terminal, clock, summary, watch
from rig.model import Phase, Verdict
from rig.plan import SESSION_GUESS_S, Closed, Steps, Users
from tests.unit.plans import record, routed, trial


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (245, "4 min 05 s"),
        (3599.6, "1 h 00 min"),
        (4800, "1 h 20 min"),
    ],
)
def test_clock(duration_s: float, text: str) -> None:
    assert clock(duration_s) == text


def test_the_eta_learns_what_trials_take_beyond_their_load() -> None:
    eta, one = Eta(), trial()
    load_s = one.plan.load.duration_s
    eta.plan([one] * 3)
    assert eta.left_s() == 3 * (load_s + OVERHEAD_GUESS_S)
    eta.end(one, load_s + 4)
    assert eta.left_s() == 2 * (load_s + 4)
    eta.end(one, load_s + 2)
    assert eta.left_s() == load_s + 3
    eta.end(one, load_s - 1)
    assert eta.left_s() == 0


def test_the_eta_counts_what_users_do_before_their_load() -> None:
    plain = trial().plan
    login = replace(plain.route, session="member")
    with_login = trial(plan=routed(login, plain))
    users = plain.load.model.most_in_flight
    eta = Eta()
    eta.plan([with_login])
    assert eta.left_s() == plain.load.duration_s + OVERHEAD_GUESS_S + users * SESSION_GUESS_S


@pytest.mark.parametrize(
    ("users", "guess_s"),
    [
        (Users(10, 5, 10), 10 * SESSION_GUESS_S),
        (Users(1, 1, 61), 60 + SESSION_GUESS_S),
        (Steps(((0, 10), (30, 100), (60, 10))), 30 + 90 * SESSION_GUESS_S),
    ],
)
def test_logins_take_their_ramp_and_what_is_left_after_it(
    users: Users | Steps, guess_s: float
) -> None:
    plan = trial().plan
    login = replace(plan, load=replace(plan.load, model=Closed(users)))
    login = routed(replace(plan.route, session="member"), login)
    assert (login.sessions_guess_s, plan.sessions_guess_s) == (guess_s, 0)


def test_a_finished_trial_in_one_line() -> None:
    assert summary(trial(), replace(record(), verdict=Verdict.VALID)) == (
        "0001-made-r1: valid, 39 correct, 1 failed"
    )
    bad = replace(record(), verdict=Verdict.INVALID, why="delay: 3 packets dropped")
    assert summary(trial(), bad).endswith(
        "invalid, 39 correct, 1 failed (delay: 3 packets dropped)"
    )


def follow(view: Plain) -> None:
    view.planned([trial()], "")
    view.skipped(trial(position=9, skip="[no] PgBouncer"))
    view.began(trial())
    view.phase(Phase.LOAD)
    view.progress(LoadProgress(1.0, 7, 123, 4, {"ok": 200, "timeout": 5}))


def end(view: Plain) -> None:
    view.ended(trial(), replace(record(), verdict=Verdict.VALID))
    view.close()


def test_a_pipe_gets_plain_lines() -> None:
    out = io.StringIO()
    view = watch(Screen(file=out))
    assert type(view) is Plain
    follow(view)
    end(view)
    assert out.getvalue().splitlines() == [
        "1 trials to run, about 12 s",
        "skipped 0009-made-r1: [no] PgBouncer",
        "[1/1] 0001-made-r1: valid, 39 correct, 1 failed; 0 s left",
    ]


def test_a_terminal_gets_a_live_view() -> None:
    out = io.StringIO()
    screen = Screen(file=out, force_terminal=True, width=100)
    view = watch(screen)
    assert isinstance(view, Terminal)
    try:
        follow(view)
        with screen.capture() as shown:
            screen.print(view._view())
        for part in ("0001-made-r1", "load", "7 users", "123 correct/s", "4 failed/s",
                     "timeout 5", "0 of 1 trials", "left"):  # fmt: skip
            assert part in shown.get()
    finally:
        end(view)
    assert "[1/1] 0001-made-r1: valid" in out.getvalue()


@pytest.mark.parametrize(
    ("verdict", "coloured"),
    [(Verdict.VALID, False), (Verdict.INVALID, True), (Verdict.FAILED, True)],
)
def test_a_trial_that_does_not_count_is_yellow(verdict: Verdict, coloured: bool) -> None:
    out = io.StringIO()
    view = watch(Screen(file=out, force_terminal=True, color_system="standard", width=100))
    view.ended(trial(), replace(record(), verdict=verdict, why="said: failed"))
    view.close()
    assert ("\x1b[33m[" in out.getvalue()) is coloured
