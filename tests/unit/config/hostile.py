"""What may stand in a file that somebody made by mistake, or on purpose, and what is to come of it:
a plan, or problems with their file and line.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rig.cli.plan_text import plan_text
from rig.config import Matrix, read_matrix, read_targets
from rig.load.http.request import encoded
from rig.model import BadYaml
from rig.plan import Closed, Open, Target
from rig.session import design_of
from tests.unit.backends.hosts import every_spec

DEADLINE_S = 30
"""Against hanging alone: nothing here takes a second on a machine that has nothing else to do."""

ROUTES = Path(__file__).parents[3] / "stack" / "routes.yaml"

VALUES = (
    # numbers
    *("1e308", "1e-308", "5e-324", "-1e308", "1e400", ".inf", "-.inf", ".nan", "-1", "-0.0", "0"),
    *("1", "0x10", "0o17", "010", "1_0", "1:30", "9" * 18, "9" * 19, "9" * 5000, "0." + "9" * 5000),
    *("1000000001", "999999", "0.5", "\u0663"),
    # durations
    *("0s", "1e9s", "99999999h", "0.0000001ms", "9" * 400 + "s", "-5s", "81 years"),
    # nothing, and other kinds
    *("", "~", "''", "[]", "{}", "[[]]", "[{}]", "{a: {b: []}}", "[~]", "true", "off"),
    # what YAML has beside
    *("!!binary aGk=", "!!python/object/apply:os.system [id]", "!x 1", "&a 1", "*a", "<<", "="),
    *("?", "'%'", "|", ">-", "{<<: 1}", "'''", '"', "[", "}", "- 1", "@x", "`x`", "2020-01-01"),
    # characters
    *('"\\ud800"', '"\\ud83d\\ude00"', '"\\0"', '"\\e[2J"', '"\\x9b2J"', '"\\UFFFFFFFF"'),
    *('"\\U00110000"', '"\\u2028"', '"a\\rb"', "\u202egnp", "a\u200bb", "\ufeff", "ünïcödé"),
    *("\U0001f525", "\u0441ync"),
    # names and paths
    *("x" * 300, "..", "../..", "/", "a/b", "-rf", ".", "CON", "a:b", "a\\b", "~root", "$(id)"),
    *("a b", "{posts}", "{nothing}", "{length:ten}", "{", "%s", "[bold]x[/]", "/" + "x" * 3000),
    *("//x", "/ä/ß?ö", "/a\tb", "file:///etc/passwd", "http://example.invalid/"),
)  # fmt: skip

EXPERIMENT = """\
experiment: small
claim:
  says: Async is faster.
  ratio: {of: goodput_rps, target: [async, sync]}
  at_least: 2
setup:
  pooler: direct
vary:
  route: [cpu, io_create]
  target: [sync, async]
  delay_ms: [0, 100]
also:
  cap:
    because: the cap lifted
    only: {delay_ms: [100]}
    set: {max_connections: 1000}
requires:
  - cell: {target: async}
    p95_ms: "< 300"
    failures: "< 1 %"
load:
  users:
    from: 5
    per_s: 5
    to: 50
  steady: 8s
  think_time: 0s
  timeout: 60s
  load_workers: 2
  raw: false
data:
  posts: 1_000
  cpu_n: 100
design:
  repeats: 2
  seed: 7
  order: random_blocks
default_profile: quick
profiles:
  quick:
    load: {steady: 2s}
"""
OPEN = """\
experiment: visitors
setup: {route: io_read}
vary: {target: [sync, async]}
load:
  model: open
  arrivals:
    per_s: 20
    pattern: poisson
    max_in_flight: 400
    ramp: 5s
    seed: 1
  steady: 30s
data: {posts: 100, cpu_n: 100}
"""
ADAPTIVE = """\
experiment: adaptive
claim:
  says: Async is faster.
  ratio: {of: goodput_rps, target: [async, sync]}
  at_least: 2
vary: {route: [cpu], target: [sync, async]}
load: {users: {from: 1, per_s: 1, to: 1}, steady: 1s}
data: {posts: 100, cpu_n: 100}
design:
  repeats:
    until: ratio ±10 %
    at_least: 4
    at_most: 6
"""
SEARCH = """\
experiment: crossover
claim:
  says: Async is faster.
  ratio: {of: goodput_rps, target: [async, sync]}
  at_least: 1
vary: {route: [cpu], target: [sync, async]}
load: {users: {from: 1, per_s: 1, to: 1}, steady: 1s}
data: {posts: 100, cpu_n: 100}
design:
  search:
    crossover: delay_ms
    between: [0, 20]
"""
TARGET = """\
name: hostile
title: Made to be mutated
start: [serve, "{host}:{port}"]
env:
  A: b
migrate: [migrate]
seed: [seed, "{posts}"]
content: [models.py]
ready: /ready
facts: /facts
ledger:
  table: posts
  column: title
supports:
  app_threads: [1, 2]
inherent: [answer.server]
refuses:
  - because: it has none
    when: {app_workers: [256]}
routes:
  cpu: {}
  own:
    method: POST
    path: /own
    form: {title: "{unique}"}
    status: 201
    answer: {title: "{unique}"}
    statements: 1
    varying: [id]
"""

SMALL = """\
experiment: small
vary: {{route: [{routes}], target: [{target}]}}
load: {{users: {{from: 1, per_s: 1, to: 1}}, steady: 1s}}
data: {{posts: 100, cpu_n: 100}}
"""

EXPERIMENTS = (EXPERIMENT, OPEN, ADAPTIVE, SEARCH)


@contextmanager
def deadline(what: str) -> Iterator[None]:
    """Fails what takes so long that it may never end."""

    def late(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"not within {DEADLINE_S} s: {what[:300]!r}")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(DEADLINE_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def lines_of(text: str) -> list[int]:
    """The lines on which a value stands after a key."""
    return [at for at, line in enumerate(text.splitlines()) if re.search(r": +\S", line)]


def with_value(text: str, at: int, value: str) -> str:
    """The text with one line's value replaced."""
    lines = text.splitlines()
    lines[at] = f"{lines[at].partition(': ')[0]}: {value}"
    return "\n".join(lines) + "\n"


def variants(text: str, every: int) -> list[str]:
    """The text with every so manieth hostile value at every key, each at one key or another."""
    chosen = [(at, value) for at in lines_of(text) for value in VALUES[at % every :: every]]
    return [with_value(text, at, value) for at, value in chosen]


def mutated(text: str, chance: random.Random) -> bytes:
    """A text in which something was changed that a hand, a disk or a merge can change."""
    lines = text.splitlines(keepends=True)
    for _ in range(chance.randint(1, 3)):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        key, colon, _ = lines[at].partition(":")
        lines[at] = chance.choice([
            "", lines[at] * 2, lines[other], lines[at][: len(lines[at]) // 2], "  " + lines[at],
            lines[at].lstrip(), f"{key}{colon} {chance.choice(VALUES)}\n", lines[at].upper(),
            f"{key}{colon}{lines[other].partition(':')[2]}", lines[at].replace(" ", "\t"),
        ])  # fmt: skip
    data = bytearray("".join(lines), "utf-8", "surrogatepass")
    for _ in range(chance.choice([0, 0, 1, 4])):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def planned(matrix: Matrix, folder: Path) -> None:
    """All that becomes of an experiment up to the roles' files can be made."""
    design = design_of(matrix, {}, {})
    plan_text(matrix, design).encode()
    for trial in design.next_block([], [])[:4]:
        assert len(os.fsencode(trial.name)) <= 255
        json.dumps(trial.plan.to_json(), allow_nan=False).encode()
        assert trial.plan.load.duration_s >= 0
        match trial.plan.load.model:
            case Closed(users):
                assert 0 <= users.at(3.0) <= users.most_users
            case Open(arrivals):
                next(arrivals.instants_s())
        if not trial.skip:
            json.dumps(every_spec(trial.plan, folder), allow_nan=False).encode()
            assert encoded(trial.plan.route.path).isascii()


def refused(error: BadYaml, file: Path) -> None:
    """Every problem names the file, and says in a short line what is wrong."""
    assert error.problems
    for problem in error.problems:
        assert problem.where.startswith(str(file)), problem
        assert len(problem.what) < 1500, problem
        assert "\n" not in problem.what


def accepts(file: Path, targets: Mapping[str, Target], text: bytes | str) -> bool:
    """Whether an experiment's text makes a plan; otherwise its problems are well told."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    file.write_bytes(data)
    with deadline(str(data[:2000])):
        try:
            matrix = read_matrix(file, profile=None, targets=targets)
        except BadYaml as error:
            refused(error, file)
            return False
        planned(matrix, file.parent)
    return True


def target_accepts(folder: Path, text: bytes | str) -> bool:
    """Whether a target's text makes a target that an experiment can plan with."""
    file = folder / "hostile" / "target.yaml"
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    file.write_bytes(data)
    with deadline(str(data[:2000])):
        try:
            (found,) = read_targets([folder], ROUTES).values()
        except BadYaml as error:
            refused(error, file)
            return False
    small = SMALL.format(routes=", ".join(found.routes), target=found.name)
    return accepts(folder / "one.yaml", {found.name: found}, small)
