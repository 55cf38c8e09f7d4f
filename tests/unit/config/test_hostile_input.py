"""Whatever stands in a file or an option: a plan, or problems with their file and line.

No other exception, and no end that does not come.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from rig.config import parse_only, read_matrix, read_targets, with_options
from rig.model import BadYaml, UsageError
from rig.plan import Target
from tests.shares import every
from tests.unit.config.hostile import (
    EXPERIMENT,
    EXPERIMENTS,
    ROUTES,
    SEARCH,
    VALUES,
    accepts,
    deadline,
    mutated,
    refused,
    variants,
)

NTH = every(2, [72, 8])


@pytest.fixture(scope="module")
def targets() -> Mapping[str, Target]:
    """The project's own."""
    return read_targets([ROUTES.parents[1]], ROUTES)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where an experiment is to stand; the passwords that a role's file names are beside it."""
    (tmp_path / "superuser").write_text("x")
    return tmp_path / "experiments.yaml"


@pytest.mark.parametrize("nth", NTH)
def test_any_value_at_any_key_makes_a_plan_or_a_problem(
    targets: Mapping[str, Target], file: Path, nth: int
) -> None:
    for text in EXPERIMENTS:
        assert accepts(file, targets, text)
    made = [accepts(file, targets, one) for text in EXPERIMENTS for one in variants(text, nth)]
    assert len(made) >= 3240 // nth
    assert 0 < sum(made) < len(made) / 2


@pytest.mark.parametrize("value", VALUES)
def test_any_value_as_a_whole_file_is_refused(
    targets: Mapping[str, Target], file: Path, value: str
) -> None:
    assert not accepts(file, targets, value)
    assert not accepts(file, targets, f"{EXPERIMENT}{value}: 1\n")


MANY = range(3000)
ENDLESS: Mapping[str, bytes | str] = {
    "bytes": b"experiment: x\n" * 800_000,
    "spaces": b" " * 250_000,
    "a long line": f"{EXPERIMENT}x: {'x' * 250_000}\n",
    "a long key": f"{EXPERIMENT}? {'x' * 200_000}\n: 1\n",
    "a long word": EXPERIMENT.replace("small", "x" * 200_000),
    "escapes": f'{EXPERIMENT}x: "{chr(92)}u0041" \n' * 9,
    "values": f"{EXPERIMENT}x: [{'1,' * 100_000}]\n",
    "keys": EXPERIMENT + "".join(f"unknown{one}: 1\n" for one in MANY),
    "names": EXPERIMENT.replace("  cap:", "".join(f"  a{one}: {{}}\n" for one in MANY) + "  cap:"),
    "profiles": EXPERIMENT + "".join(f"  p{one}: {{}}\n" for one in MANY),
    "depth": f"{EXPERIMENT}x: {'[' * 100_000}",
    "depth of blocks": "- " * 100_000,
    "depth of keys": "".join(f"{' ' * one}a:\n" for one in range(600)),
    "anchors": f"{EXPERIMENT}x: [{'&a 1,' * 40_000}]\n",
    "aliases": EXPERIMENT + "a: &a [x]\n" + "".join(f"b{n}: [*a,*a,*a]\n" for n in MANY),
    "documents": "---\n" * 60_000,
    "levels": EXPERIMENT.replace("[0, 100]", str([one / 7 for one in range(9000)])),
    "levels twice": EXPERIMENT.replace("[0, 100]", str([0] * 9000)),
    "levels that are none": EXPERIMENT.replace("[0, 100]", str(["x"] * 9000)),
    "cells": EXPERIMENT.replace("[0, 100]", f"{list(range(40))}\n  pool_size: {list(range(1, 41))}"
        f"\n  app_workers: {list(range(1, 41))}\n  max_connections: {list(range(10, 50))}"),
    "extra cells": EXPERIMENT.replace("[0, 100]", str(list(range(1000)))).replace(
        "  cap:", "".join(f"  a{n}: {{because: x, set: {{pool_size: {n}}}}}\n"
        for n in range(1, 50)) + "  cap:"),
    "impossible cells": EXPERIMENT.replace("[0, 100]", str(list(range(2400)))).replace(
        "pooler: direct", "pooler: pgbouncer\n  pooler_pool_size: 9000"),
    "trials": EXPERIMENT.replace("[0, 100]", str(list(range(400)))).replace(
        "repeats: 2", "repeats: 1000"),
    "pairs of a search": SEARCH.replace("[cpu]", f"[cpu], pool_size: {list(range(1, 2000))}"),
    "of everything": EXPERIMENT.replace("[0, 100]", str(list(range(2000))))
        + "".join(f"  p{n}: {{vary: {{delay_ms: {list(range(n + 90))}}}}}\n" for n in range(19)),
}  # fmt: skip
"""More than anybody means."""


@pytest.mark.parametrize("what", every(5, ENDLESS))
def test_more_than_anybody_means_is_refused_or_planned_at_once(
    targets: Mapping[str, Target], file: Path, what: str
) -> None:
    assert not accepts(file, targets, ENDLESS[what])


def test_as_many_cells_as_there_may_be_are_planned(
    targets: Mapping[str, Target], file: Path
) -> None:
    levels = f"[{', '.join(map(str, range(2000)))}]"
    many = EXPERIMENT.replace("[0, 100]", levels).replace("  repeats: 2\n", "")
    assert accepts(file, targets, many)


ODD = {
    "empty": b"",
    "utf-16": EXPERIMENT.encode("utf-16"),
    "utf-16 without a mark": EXPERIMENT.encode("utf-16-le"),
    "utf-32": EXPERIMENT.encode("utf-32"),
    "latin-1": EXPERIMENT.replace("faster", "schn\xe4ller").encode("latin-1"),
    "a NUL": EXPERIMENT.replace("faster", "fas\0ter").encode(),
    "an ESC": EXPERIMENT.replace("faster", "fas\x1bter").encode(),
    "tabs": EXPERIMENT.replace("  ", "\t").encode(),
    "two documents": f"{EXPERIMENT}---\n{EXPERIMENT}".encode(),
    "a merge key": EXPERIMENT.replace("  from: 5", "  <<: {from: 5}").encode(),
    "an unknown version": f"%YAML 3.0\n---\n{EXPERIMENT}".encode(),
    "an endless version": f"%YAML 1.{'9' * 5000}\n---\n{EXPERIMENT}".encode(),
    "a tag directive": f"%TAG ! tag:evil,2000:\n---\n!x\n{EXPERIMENT}".encode(),
    "keys that are lists": f"{EXPERIMENT}? [a]\n: 1\n".encode(),
    "a key that is nothing": f"{EXPERIMENT}? \n: 1\n".encode(),
    "a key with a surrogate": f'{EXPERIMENT}"{chr(92)}ud800": 1\n'.encode(),
    "a key twice": f"{EXPERIMENT}experiment: small\n".encode(),
    "a key that looks like another": EXPERIMENT.replace("load:", "lo\u0430d:", 1).encode(),
    "JSON": b'{"experiment": "small", "load": [1, 2, {"a": null}]}',
    "HTML": b"<!doctype html><p>404 Not Found",
    "a program": b"\x7fELF\x02\x01\x01" + bytes(200),
}
FINE = {
    "a byte-order mark": EXPERIMENT.encode("utf-8-sig"),
    "line ends of Windows": EXPERIMENT.replace("\n", "\r\n").encode(),
    "line ends of old": EXPERIMENT.replace("\n", "\r").encode(),
    "no last line end": EXPERIMENT.rstrip("\n").encode(),
    "emoji": EXPERIMENT.replace("faster", "\U0001f525").encode(),
    "many lines of a reason": EXPERIMENT.replace("the cap lifted", "|\n      a\n      b").encode(),
}


@pytest.mark.parametrize("what", ODD)
def test_odd_files_are_refused(targets: Mapping[str, Target], file: Path, what: str) -> None:
    assert not accepts(file, targets, ODD[what])


@pytest.mark.parametrize("what", FINE)
def test_files_of_other_editors_are_read(
    targets: Mapping[str, Target], file: Path, what: str
) -> None:
    assert accepts(file, targets, FINE[what])


def test_what_is_no_regular_file_is_never_read(
    targets: Mapping[str, Target], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "terminal").symlink_to("/dev/tty")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for name in ("fifo", "loop", "zero", "terminal", "folder", "socket", "none", "x" * 300):
            with deadline(name), pytest.raises(BadYaml) as caught:
                read_matrix(tmp_path / name, profile=None, targets=targets)
            assert len(caught.value.problems) == 1
            refused(caught.value, tmp_path / name)


OPTIONS: tuple[Mapping[str, int], ...] = tuple(
    {name: value}
    for name in ("seed", "repeats", "load_workers")
    for value in (-1, -(10**400), 10**13, 10**400, *((0, 10**9) if name != "seed" else ()))
)


@pytest.mark.parametrize("given", OPTIONS, ids=lambda given: str(given)[:30])
def test_options_beyond_their_bounds_are_refused(
    targets: Mapping[str, Target], file: Path, given: Mapping[str, int]
) -> None:
    file.write_text(EXPERIMENT)
    matrix = read_matrix(file, profile=None, targets=targets)
    with deadline(str(given)), pytest.raises(UsageError) as caught:
        with_options(matrix, **given)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "only",
    ["", "=", ",", "a=b=c", "route", "route=", "=cpu", "route=cpu,", "route=cp", "route=|",
     "delay_ms=1e400", "delay_ms=.nan", "delay_ms=" + "9" * 5000, "route=\x1b[2J", "\x00=\x00",
     "route=\ud800", "\ud800", "route=cpu," * 9000, "route=" + "cpu|" * 20_000, "x" * 100_000,
     "delay_ms=\u0663", "target=Sync", "route=cpu,route=cpu,target=none", *VALUES],
    ids=lambda only: repr(only[:20]),
)  # fmt: skip
def test_what_only_names_is_there_or_refused(
    targets: Mapping[str, Target], file: Path, only: str
) -> None:
    file.write_text(EXPERIMENT)
    matrix = read_matrix(file, profile=None, targets=targets)
    with deadline(only), pytest.raises(UsageError) as caught:
        parse_only(only, matrix)
    assert str(caught.value).startswith("--only")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("profile", ["", "Quick", "quick ", "..", "x" * 9000, "\ud800", "\x1b[2J"])
def test_a_profile_that_there_is_not_is_refused(
    targets: Mapping[str, Target], file: Path, profile: str
) -> None:
    file.write_text(EXPERIMENT)
    with pytest.raises(UsageError, match="there is no profile") as caught:
        read_matrix(file, profile=profile, targets=targets)
    assert len(str(caught.value)) < 300


SHIPPED = sorted(
    [*ROUTES.parents[1].glob("experiments/*.yaml"), ROUTES.parents[1] / "experiments.yaml"]
)


def test_shipped_experiments_may_be_damaged_in_any_way(
    targets: Mapping[str, Target], file: Path
) -> None:
    chance = random.Random(11)
    texts = [*EXPERIMENTS, *(path.read_text() for path in SHIPPED)]
    made = [accepts(file, targets, mutated(chance.choice(texts), chance)) for _ in range(MUTATIONS)]
    assert 0 < sum(made) < len(made)


MUTATIONS = 300
