from __future__ import annotations

from pathlib import Path

import pytest

from rig.config import Claim, Repeats, cells, read_matrix, with_options
from rig.model import BadYaml, ExitCode, UsageError
from rig.plan import Arrivals, Closed, Data, Load, Open, Steps, Target, Users

from .conftest import GOOD, ROOT, Read

Change = tuple[str, str]
VARY = "  target: [sync, async]\n"
SAYS = "says: Async is faster."
QUICK = "    vary: {delay_ms: [100]}\n"
SET = "{max_connections: 1000}"


def problems(read: Read, *changes: Change) -> list[str]:
    with pytest.raises(BadYaml) as caught:
        read(*changes)
    assert caught.value.exit_code == ExitCode.BAD_YAML
    return [str(problem) for problem in caught.value.problems]


def test_everything_asked_is_in_the_matrix(read: Read) -> None:
    matrix = read()
    assert matrix.experiment == "small"
    assert matrix.claim == Claim("Async is faster.", "goodput_rps", "target", "async", "sync", 2)
    assert matrix.setup == {"pooler": "direct", "app_threads": 1}
    assert list(matrix.vary) == ["route", "target", "delay_ms"]
    assert matrix.vary["target"] == ("sync", "async")
    (extra,) = matrix.also
    assert (extra.name, extra.because) == ("cap", "the cap lifted")
    assert extra.only == {"target": ("async",), "delay_ms": (100,)}
    assert extra.set == {"max_connections": 1000}
    assert matrix.load == Load(Closed(Users(5, 5.0, 50)), steady_s=8.0, client="plain")
    assert matrix.data == Data(posts=1000, cpu_n=100)
    assert (matrix.design, matrix.order, matrix.seed) == (Repeats(2), "random_blocks", 7)
    assert matrix.text == GOOD


def test_what_may_be_left_out_has_a_default(read: Read) -> None:
    start, end = GOOD.index("claim:"), GOOD.index("setup:")
    matrix = read(
        (GOOD[start:end], ""),
        ("design: {repeats: 2, seed: 7}\n", ""),
        ("    only: {target: [async], delay_ms: [100]}\n", ""),
        (GOOD[GOOD.index("profiles:") :], ""),
    )
    assert matrix.claim is None
    assert (matrix.design, matrix.order, matrix.profile) == (Repeats(1), "random_blocks", None)
    assert len(cells(matrix)) == 8 + 8


def test_durations_numbers_and_words_of_the_load(read: Read) -> None:
    matrix = read(
        ("steady: 8s", "steady: 1.5m\n  think_time: 500ms\n  timeout: 30s\n  load_workers: 64"),
        ("per_s: 5", "per_s: 0.5"),
        ("repeats: 2", "order: as_listed"),
    )
    assert (matrix.load.steady_s, matrix.load.timeout_s, matrix.load.load_workers) == (90, 30, 64)
    assert matrix.load.model == Closed(Users(5, 0.5, 50), think_time_s=0.5)
    assert matrix.order == "as_listed"


OPEN_LOAD = (
    "  users: {from: 5, per_s: 5, to: 50}\n",
    "  model: open\n  arrivals: {per_s: 50, pattern: even, max_in_flight: 30, ramp: 2s, seed: 3}\n",
)


def test_an_open_load_has_arrivals_and_no_users(read: Read) -> None:
    load = read(OPEN_LOAD).load
    assert load.model == Open(Arrivals(50.0, "even", 30, 2.0, 3))
    assert load.raw is False
    assert (load.ramp_s, load.duration_s) == (2.0, 10.0)
    least = read((OPEN_LOAD[0], "  model: open\n  arrivals: {per_s: 7}\n  raw: true\n")).load
    assert (load.client, least.client) == ("plain", "plain")
    for client in ("plain", "locust"):
        said = f"  model: open\n  arrivals: {{per_s: 7}}\n  client: {client}\n"
        assert read((OPEN_LOAD[0], said)).load.client == client
    assert (least.model, least.raw) == (Open(Arrivals(7.0, "poisson", 500, 5.0, 1)), True)


USERS = "users: {from: 5, per_s: 5, to: 50}"


def test_users_come_in_steps(read: Read) -> None:
    load = read((USERS, "users: [[0s, 10], [1s, 100]]")).load
    assert load.model == Closed(Steps(((0.0, 10), (1.0, 100))))
    assert (load.ramp_s, load.duration_s, load.model.most_in_flight) == (0.0, 8.0, 100)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("[]", ":19: `users` expects users by time, such as [[0s, 10], [30s, 100], [60s, 10]]"),
        ("[[1s, 5]]", ":19: the first step begins at 0s"),
        ("[[0s, 5], [5s, 6], [5s, 7]]", ":19: a step begins after the one before it"),
        ("[[0s, 5], [1500ms, 6]]", ":19: a step begins at a whole second"),
        ("[[0s, 5], [8s, 6]]", ":19: the last step begins at 8 s, when `steady` is over (8 s)"),
        ("[[0s, 5], [3, 6]]", "expects a duration such as 81s or 2m, not `3`; did you mean `3s`?"),
        ("[[0s, 0]]", "expects a whole number from 1"),
        ("[[0s, 5], 3s]", "expects a time and users, such as [30s, 100], not `3s`"),
        ("[[0s, 5]]\n  client: locust", "`client: locust` cannot let users leave"),
    ],
)
def test_what_is_wrong_with_steps(read: Read, steps: str, expected: str) -> None:
    with pytest.raises(BadYaml) as caught:
        read((USERS, f"users: {steps}"))
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("steady: 8s", "steady: 8s\n  think_time: 1s", ":22: `think_time` says nothing to a load"),
        ("model: open", "model: closed", ":20: `arrivals` says nothing to a load of"),
        ("model: open", "model: closed", ":18: `users` is missing in `load`"),
        ("per_s: 50, ", "", ":20: `arrivals` has no rate"),
        ("even", "evn", ":20: `pattern` expects one of poisson, even, not `evn`"),
        ("ramp: 2s", "ramp: 500ms", ":20: `ramp` expects at least 1s"),
        ("ramp: 2s", "ramp: 2", ":20: `ramp` expects a duration"),
        ("max_in_flight: 30", "max_in_flight: 0", ":20: `max_in_flight` expects a whole number"),
        ("max_in_flight: 30", "max_in_flight: 1", "expects at least the 2 of `load_workers`"),
        ("per_s: 50", "per_s: 0", ":20: `per_s` expects a number above 0"),
        ("steady: 8s", "steady: 8s\n  client: wrk", ":22: `client` expects one of plain, locust"),
        ("steady: 8s", "steady: 8s\n  raw: 1", ":22: `raw` expects true or false, not `1`"),
    ],
)
def test_what_is_wrong_with_an_open_load(read: Read, old: str, new: str, expected: str) -> None:
    text = GOOD.replace(*OPEN_LOAD)
    with pytest.raises(BadYaml) as caught:
        read((old, new), text=text)
    assert expected in str(caught.value)


def test_an_open_load_without_arrivals_says_so(read: Read) -> None:
    with pytest.raises(BadYaml, match=r":18: `arrivals` is missing in `load`"):
        read((OPEN_LOAD[0], "  model: open\n"))


def test_more_load_workers_than_requests_in_flight_cannot_be(read: Read) -> None:
    with pytest.raises(UsageError, match="max_in_flight"):
        with_options(read(OPEN_LOAD), load_workers=31)


def test_equal_levels_have_one_form(read: Read) -> None:
    assert cells(read(("[0, 100]", "[0.0, 1e2]"))) == cells(read())
    ids = [cell.id for cell in cells(read(("[0, 100]", "[0.0, 1e2]")))]
    assert ids == [cell.id for cell in cells(read())]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("experiment: small\n", "", ":1: `experiment` is missing"),
        ("experiment: small", "experiment: Small", ":1: `experiment` expects a slug"),
        ("experiment: small", "experimnt: small", ":1: unknown key `experimnt`"),
        ("experiment: small", "experiment: 5", ":1: `experiment` expects a slug"),
        ("pooler: direct", "poler: direct", ":7: unknown key `poler`"),
        (
            "pooler: direct",
            "wsgi_worker: auto",
            ":7: `wsgi_worker` is no factor any more, `server` replaced it",
        ),
        ("set: " + SET, "set: {wsgi_worker: gthread}", ":17: `wsgi_worker` is no factor any more"),
        ("pooler: direct", "pooler: [direct]", ":7: `pooler` expects one level, not a list"),
        (
            "pooler: direct",
            "pooler: {}",
            ":7: `pooler` expects one of direct, pgbouncer, not a map",
        ),
        ("pooler: direct", "pooler:", ":7: `pooler` expects one of direct, pgbouncer, not nothing"),
        ("app_threads: 1", "app_threads: 1.5", ":8: `app_threads` expects a whole number from 1"),
        ("app_threads: 1", "app_threads: '1'", ":8: `app_threads` expects a whole number from 1"),
        ("app_threads: 1", "app_threads: true", ", not `true`, which YAML reads as true"),
        ("app_threads: 1", "app_threads: 1001", ":8: `app_threads` expects a whole number from 1"),
        ("delay_ms: [0, 100]", "delay_ms: 100", ":12: `delay_ms` expects a list, not `100`"),
        ("delay_ms: [0, 100]", "delay_ms: []", ":12: `delay_ms` expects a list that is not empty"),
        ("delay_ms: [0, 100]", "delay_ms: [0, -1]", ":12: `delay_ms` expects a number from 0"),
        ("delay_ms: [0, 100]", "delay_ms: [0, 0.0]", ":12: `delay_ms` lists 0 twice"),
        ("delay_ms: [0, 100]", "delay_ms: [010]", ":12: `delay_ms` expects a number from 0"),
        ("from: 5", "from: 0", ":19: `from` expects a whole number from 1"),
        ("to: 50", "to: 4", ":19: `to` expects at least the 5 of `from`, not 4"),
        ("per_s: 5", "per_s: 0", ":19: `per_s` expects a number above 0, not `0`"),
        ("steady: 8s", "steady: 0s", ":20: `steady` expects a duration"),
        ("steady: 8s", "steady: fast", ":20: `steady` expects a duration"),
        ("steady: 8s", "steady: 200h", "up to 168h, not `200h`"),
        ("steady: 8s", "steady: 8s\n  load_workers: 65", ":21: `load_workers` expects a whole"),
        ("steady: 8s", "steady: 8s\n  timeout: 0s", ":21: `timeout` expects a duration"),
        ("steady: 8s", "steady: 8s\n  think_time: -1s", ":21: `think_time` expects a duration"),
        (
            "steady: 8s",
            "steady: 8s\n  model: opn",
            ":21: `model` expects one of closed, open, not `opn`",
        ),
        ("posts: 1_000", "posts: many", ":21: `posts` expects a whole number from 1"),
        (", cpu_n: 100", "", ":21: `cpu_n` is missing in `data`"),
        ("repeats: 2", "repeats: 0", ":22: `repeats` expects a whole number from 1"),
        ("repeats: 2", "order: blocks", ":22: `order` expects one of random_blocks, as_listed"),
        ("    because: the cap lifted\n", "", ":14: `because` is missing in `cap`"),
        ("because: the cap lifted", "because: ''", ":15: `because` expects text"),
        ("set: " + SET, "set: {}", ":17: `set` expects at least one factor"),
        ("set: " + SET, "sets: " + SET, ":17: unknown key `sets`"),
        (
            "set: " + SET,
            "set: {max_connections: 100}",
            ":17: `set` of extra `cap` makes no new cell",
        ),
        (
            "delay_ms: [100]}\n    set",
            "delay_ms: [300]}\n    set",
            ":16: `only` of extra `cap` matche",
        ),
        ("  cap:", "  a cap:", ":14: `also` expects a name of letters, digits"),
        ("at_least: 2", "at_least: 0", ":5: `at_least` expects a number above 0"),
        ("of: goodput_rps", "of: rps", ":4: `of` expects one of goodput_rps, max_goodput_rps, p50"),
        ("[async, sync]}", "[async]}", ":4: `target` expects two levels, not 1"),
        ("[async, sync]}", "[sync, sync]}", ":4: `target` lists sync twice"),
        (", target: [async, sync]}", "}", ":4: `ratio` expects exactly one factor"),
        (
            "target: [async, sync]}",
            "target: [async, sync], delay_ms: [0, 1]}",
            ":4: `ratio` expects e",
        ),
        (SAYS, "says: yes", ":3: `says` expects text, not `yes`, which YAML reads as true"),
        ("pooler: direct", "route: cpu", ":10: `route` stands in `setup` and in `vary`"),
        ("  route: [cpu, io_create]\n", "", ":1: `route` is missing"),
        ("  paper: {}", "  paper:", ":24: `paper` expects a map, not nothing"),
        ("  paper: {}", "  paper: {profiles: {}}", ":24: a profile cannot have `profiles`"),
        ("  paper: {}", "  paper: {lod: {}}", ":24: unknown key `lod`"),
        (
            "profiles:",
            "default_profile: quik\nprofiles:",
            ":23: `default_profile` expects one of pap",
        ),
    ],
)
def test_each_problem_says_its_line(read: Read, old: str, new: str, expected: str) -> None:
    (problem,) = problems(read, (old, new))
    assert problem.startswith("experiments.yaml:")
    assert expected in problem


@pytest.mark.parametrize(
    ("old", "new", "do"),
    [
        ("experiment: small", "experimnt: small", "did you mean `experiment`?"),
        ("pooler: direct", "poler: direct", "did you mean `pooler`?"),
        ("pooler: direct", "pooler: pgbouncr", "did you mean `pgbouncer`?"),
        (
            "pooler: direct",
            "wsgi_worker: gthread",
            "for `gthread` write `server: gunicorn-gthread`; leave `auto` out",
        ),
        (VARY, "  target: [sync, Async]\n", "did you mean `async`?"),
        ("[cpu, io_create]", "[cpu, io_raed]", "did you mean `io_read`?"),
        ("steady: 8s", "steady: 8", "did you mean `8s`?"),
        ("steady: 8s", "stedy: 8s", "did you mean `steady`?"),
        ("of: goodput_rps", "of: goodput", "did you mean `goodput_rps`?"),
        (SAYS, "says: off", 'put it in quotes: "off"'),
        (SAYS, "says: 5", 'put it in quotes: "5"'),
        ("experiment: small", "experiment: on", 'put it in quotes: "on"'),
        ("delay_ms: [0, 100]", "delay_ms: 100", "write [100]"),
        ("profiles:", "default_profile: papr\nprofiles:", "did you mean `paper`?"),
        ("  paper: {}", "  paper:", "write `{}` for an empty one"),
        ("pooler: direct", "pooler: [direct]", "several levels stand under `vary`"),
    ],
)
def test_each_problem_says_what_to_do(read: Read, old: str, new: str, do: str) -> None:
    (problem,) = problems(read, (old, new))
    assert problem.endswith(f"; {do}")


def test_a_bool_where_a_word_is_wanted_says_what_was_expected(read: Read) -> None:
    assert problems(read, ("pooler: direct", "pooler: off")) == [
        "experiments.yaml:7: `pooler` expects one of direct, pgbouncer, "
        "not `off`, which YAML reads as false"
    ]


def test_all_problems_are_listed_at_once_by_line(read: Read) -> None:
    found = problems(
        read,
        ("at_least: 2", "at_least: two"),
        ("pooler: direct", "pooler: no\n  pooler: direct"),
        (VARY, "  target: &t [sync, asink]\n"),
        ("only: {target: [async],", "only: {target: *t,"),
        ("steady: 8s", "steady: 8"),
        ("seed: 7", "sed: 7"),
        ("      steady: 2s", "      stedy: 2s"),
    )
    lines = [int(problem.split(":")[1]) for problem in found]
    assert lines == [5, 7, 8, 12, 12, 17, 21, 23, 29]


def test_a_problem_of_the_base_is_not_repeated_by_the_profiles(read: Read) -> None:
    twice = problems(read, ("pooler: direct", "delay_ms: 0"))
    assert len(twice) == 1
    assert twice[0].startswith("experiments.yaml:12: `delay_ms` stands in `setup` and in `vary`")


def test_problems_of_a_profile_nobody_chose_carry_its_lines(read: Read) -> None:
    found = problems(
        read, (QUICK, "    vary: {delay_ms: [fast]}\n"), ("paper: {}", "paper: {x: 1}")
    )
    assert [problem.split(": ")[0] for problem in found] == [
        "experiments.yaml:24",
        "experiments.yaml:26",
    ]
    assert "(in profile paper)" in found[0]
    assert "(in profile quick)" in found[1]


def test_an_extra_that_a_profile_leaves_without_cells_is_a_problem(read: Read) -> None:
    (problem,) = problems(read, (QUICK, "    vary: {delay_ms: [0]}\n"))
    assert problem == (
        "experiments.yaml:16: `only` of extra `cap` matches no cell (in profile quick)"
    )


def test_one_wrong_profile_does_not_hide_another(read: Read) -> None:
    found = problems(read, ("paper: {}", "paper: 5"), ("steady: 2s", "steady: 2"))
    assert [problem.split(": ")[0] for problem in found] == [
        "experiments.yaml:24",
        "experiments.yaml:28",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            [("app_threads: 1", "app_threads: 4")],
            "experiments.yaml:11: target async, app_threads 4 cannot be: an ASGI app worker",
        ),
        (
            [
                ("app_threads: 1", "data_access: orm"),
                (VARY, "  connections: [pool, persistent]\n" + VARY),
            ],
            "experiments.yaml:11: target async, data_access orm, connections persistent cannot be:",
        ),
        (
            [(SET, "{max_connections: 50, pooler: pgbouncer}")],
            "experiments.yaml:14: extra `cap`: pooler pgbouncer, max_connections 50 cannot be: "
            "pooler_pool_size 50 does not fit",
        ),
        (
            [(QUICK, "    vary: {delay_ms: [100]}\n    setup: {app_threads: 2}\n")],
            "experiments.yaml:11: target async, app_threads 2 cannot be: an ASGI app worker",
        ),
    ],
)
def test_impossible_combinations_name_levels_reason_and_line(
    read: Read, changes: list[Change], expected: str
) -> None:
    (problem,) = problems(read, *changes)
    assert problem.startswith(expected)


def test_too_many_cells_are_refused_before_they_are_made(read: Read) -> None:
    levels = ", ".join(map(str, range(1, 300)))
    found = problems(
        read, (VARY, f"{VARY}  pool_size: [{levels}]\n  app_workers: [1, 2, 3, 4, 5]\n")
    )
    assert found[0] == "experiments.yaml:9: `vary` makes 11960 cells, expected at most 10000"


def test_without_targets_the_problem_is_named() -> None:
    with pytest.raises(BadYaml, match="`target` expects a target, but no target was found"):
        read_matrix(ROOT / "experiments.yaml", profile=None, targets={})


def test_a_profile_is_merged_and_the_rest_of_the_base_stays(read: Read) -> None:
    matrix = read(profile="quick")
    assert matrix.profile == "quick"
    assert matrix.vary == {
        "route": ("cpu", "io_create"),
        "target": ("sync", "async"),
        "delay_ms": (100,),
    }
    assert (matrix.load.steady_s, matrix.load.model) == (2.0, Closed(Users(5, 5.0, 50)))


def test_which_profile_counts(read: Read) -> None:
    default = ("profiles:", "default_profile: quick\nprofiles:")
    assert read().profile is None
    assert read(default).profile == "quick"
    assert read(default, profile="paper").profile == "paper"
    assert read(default, profile="paper").load.steady_s == 8.0


def test_an_unknown_profile_is_a_usage_error_with_the_nearest_word(read: Read) -> None:
    with pytest.raises(UsageError) as caught:
        read(profile="papr")
    assert caught.value.what == "there is no profile `papr`, expected one of paper, quick"
    assert caught.value.do == "did you mean `paper`?"


def test_a_missing_file_is_a_problem_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(BadYaml) as caught:
        read_matrix(tmp_path / "other.yaml", profile=None, targets={})
    (problem,) = caught.value.problems
    assert problem.where == str(tmp_path / "other.yaml")
    assert problem.what == "cannot be read: no such file or directory"


def test_an_empty_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text("# later\n", encoding="utf-8")
    with pytest.raises(BadYaml, match=r"e\.yaml:1: the file is empty, expected a map"):
        read_matrix(tmp_path / "e.yaml", profile=None, targets={})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- a\n", "the file expects a map, not a list"),
        ("*a\n", "alias `*a` is not allowed"),
    ],
)
def test_what_is_no_map_is_one_problem(read: Read, text: str, what: str) -> None:
    with pytest.raises(BadYaml) as caught:
        read(text=text)
    assert [(problem.where, problem.what) for problem in caught.value.problems] == [
        ("experiments.yaml:1", what)
    ]


@pytest.mark.parametrize(
    ("profile", "chosen", "count"),
    [("quick", "quick", 16), (None, "quick", 16), ("paper", "paper", 33)],
)
def test_the_projects_own_experiment(
    targets: dict[str, Target], profile: str | None, chosen: str, count: int
) -> None:
    matrix = read_matrix(ROOT / "experiments.yaml", profile=profile, targets=targets)
    assert matrix.profile == chosen
    assert len(cells(matrix)) == count
    assert matrix.text == (ROOT / "experiments.yaml").read_text(encoding="utf-8")
