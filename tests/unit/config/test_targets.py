from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from rig.config import OF_ENV, PLACEHOLDERS, read_targets
from rig.factors.services import SERVICES
from rig.load.http.expected import Expected
from rig.model import BadYaml, Interface
from rig.plan import Django, Ledger, Route, Service, Target, Unsupported

from .conftest import ROOT

ROUTES = """\
cpu:
  method: GET
  path: /cpu
  answer: {sum: "{cpu_sum}"}
  statements: 0
create:
  method: POST
  path: /create
  form: {title: "{unique}"}
  status: 201
"""

MINE = """\
name: mine
start: [serve, --port, "{port}"]
routes: {cpu: {}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    add(tmp_path, "mine", MINE)
    return tmp_path


def add(root: Path, name: str, text: str) -> None:
    (root / name).mkdir(exist_ok=True)
    (root / name / "target.yaml").write_text(text, encoding="utf-8")


def read_one(folder: Path, text: str = MINE) -> Target:
    add(folder, "mine", text)
    return read_targets([folder], folder / "routes.yaml")["mine"]


def problems(folder: Path, text: str = MINE) -> list[str]:
    with pytest.raises(BadYaml) as caught:
        read_one(folder, text)
    return [str(problem) for problem in caught.value.problems]


def test_the_projects_own_targets(targets: dict[str, Target]) -> None:
    assert set(targets) >= {"sync", "async"}
    for name in ("sync", "async"):
        target = targets[name]
        assert target.folder == str(ROOT / f"django_{name}")
        assert {"cpu", "io_create", "io_read"} <= set(target.routes)
        assert target.django is not None
        assert target.migrate[0] == "{python}"
    assert targets["async"].routes["io_create"] == Route(
        name="io_create",
        method="POST",
        path="/io_create",
        form={"title": "{unique}", "content": "A post written under load."},
        status=201,
        answer={"title": "{unique}"},
        statements=1,
        varying=("id",),
    )
    assert targets["sync"].routes["io_read"].answer == {"count": "{posts}", "posts": "{length:25}"}
    orm, threads = targets["async"].refuses
    assert orm.when == {"data_access": ("orm",), "connections": ("persistent",)}
    assert threads.unless == {"app_threads": (1,)}


def test_a_target_needs_little(folder: Path) -> None:
    target = read_one(folder)
    assert (target.name, target.title, target.folder) == ("mine", "mine", str(folder / "mine"))
    assert target.start == ("serve", "--port", "{port}")
    assert (target.ready, target.facts, target.migrate, target.env) == ("/", None, (), {})


DJANGO = """\
name: mine
django: {settings: shop.settings, wsgi: "shop.wsgi:application"}
routes: {cpu: {}}
"""


def test_an_older_target_may_name_a_factor_that_is_no_more(folder: Path) -> None:
    text = MINE.replace("--port", "--worker-class, '{wsgi_worker}', --port")
    target = read_one(folder, text + "supports: {wsgi_worker: [auto], app_threads: [1, 4]}\n")
    assert target.start[1:3] == ("--worker-class", "{wsgi_worker}")
    assert target.supports == {"app_threads": (1, 4)}


def test_a_project_that_the_rig_serves_needs_as_little(folder: Path) -> None:
    target = read_one(folder, DJANGO)
    assert target.django == Django("shop.settings", wsgi="shop.wsgi:application", overlay=True)
    assert (target.start, target.ready, target.facts) == ((), "/-/ready", "/-/facts")
    assert target.migrate == ("{python}", "-m", "django", "migrate", "--no-input")
    assert (target.interface, target.code_folder) == (Interface.WSGI, str(folder / "mine"))


def test_a_project_may_have_both_callables_a_folder_and_say_the_rest_itself(folder: Path) -> None:
    (folder / "code").mkdir()
    text = DJANGO.replace("settings: shop.settings", "overlay: false, asgi: a:b")
    target = read_one(folder, text + "project: ../code\nready: /up\nmigrate: []\n")
    assert target.django == Django("", "shop.wsgi:application", "a:b", overlay=False)
    assert (target.interface, target.ready, target.migrate) == (None, "/up", ())
    assert target.code_folder == str(folder / "code")


@pytest.mark.parametrize(
    ("line", "by"),
    [
        ('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")', ("manage.py",)),
        ('os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"', ("-m", "django")),
    ],
)
def test_it_is_migrated_by_its_own_manage_py_where_that_takes_other_settings(
    folder: Path, line: str, by: tuple[str, ...]
) -> None:
    (folder / "mine" / "manage.py").write_text(line)
    assert read_one(folder, DJANGO).migrate == ("{python}", *by, "migrate", "--no-input")


def test_who_configures_himself_is_not_migrated_by_default(folder: Path) -> None:
    assert read_one(folder, DJANGO.replace("settings: shop.settings, ", "")).migrate == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("django:", "start: [x]\ndjango:", "has `start` or `django`, not both"),
        ('django: {settings: shop.settings, wsgi: "shop.wsgi:application"}\n', "", "needs `start`"),
        (', wsgi: "shop.wsgi:application"', "", "mine/target.yaml:2: `django` names no callable"),
        ("shop.wsgi:application", "shop.wsgi", "a module and a name in it, such as shop.wsgi:"),
        ("shop.settings", "shop/settings.py", ":2: `settings` expects a module's name"),
        ("routes", "project: nowhere\nroutes", ":3: `project` expects a folder that is there"),
    ],
)
def test_what_a_project_lacks_is_said(folder: Path, old: str, new: str, expected: str) -> None:
    assert DJANGO.count(old) == 1
    assert expected in "\n".join(problems(folder, DJANGO.replace(old, new)))


def test_a_route_takes_from_the_catalogue_what_it_does_not_say(folder: Path) -> None:
    routes = read_one(folder, MINE.replace("cpu: {}", "cpu: {path: /sum, statements: 3}")).routes
    assert routes["cpu"] == Route("cpu", "GET", "/sum", answer={"sum": "{cpu_sum}"}, statements=3)


def test_a_json_body_ousts_the_catalogues_form(folder: Path) -> None:
    text = MINE.replace("cpu: {}", "create: {json: {post: {title: '{unique}', tags: [1, true]}}}")
    route = read_one(folder, text).routes["create"]
    assert route.form == {}
    assert route.json == {"post": {"title": "{unique}", "tags": [1, True]}}
    assert (route.method, route.status) == ("POST", 201)


def test_a_route_of_ones_own(folder: Path) -> None:
    routes = read_one(folder, MINE.replace("cpu: {}", "home: {method: GET, path: /}")).routes
    assert routes == {"home": Route("home", "GET", "/")}


def test_refusals_know_the_targets_own_names(folder: Path) -> None:
    text = MINE + "refuses:\n  - {because: slow, when: {route: [cpu], target: [mine]}}\n"
    assert read_one(folder, text).refuses == (
        Unsupported("slow", {"route": ("cpu",), "target": ("mine",)}),
    )


def test_what_is_inherent_and_what_varies(folder: Path) -> None:
    text = MINE.replace("cpu: {}", "cpu: {varying: [id, posts.id]}") + "inherent: [app.driver]\n"
    target = read_one(folder, text)
    assert target.inherent == ("app.driver",)
    assert target.routes["cpu"].varying == ("id", "posts.id")


def test_every_placeholder_stays_as_it_is(folder: Path) -> None:
    words = [f"{{{name}}}" for name in PLACEHOLDERS if name not in OF_ENV]
    text = MINE.replace('"{port}"', ", ".join(f'"{word}"' for word in words))
    assert read_one(folder, text).start[2:] == tuple(words)


def test_braces_that_are_no_placeholder_are_left_alone(folder: Path) -> None:
    assert read_one(folder, MINE + """env: {A: '{"a": 1}', B: "{}"}\n""").env["A"] == '{"a": 1}'
    text = "{levelname} {message} {process} {name}"
    assert read_one(folder, MINE + f'env: {{LOG_FORMAT: "{text}"}}\n').env["LOG_FORMAT"] == text
    text = MINE.replace('"{port}"', "'${BENCH_BIND} ${port} ${hots}'")
    assert read_one(folder, text).start[-1] == "${BENCH_BIND} ${port} ${hots}"


def test_a_variable_may_be_empty_and_hold_the_password(folder: Path) -> None:
    text = "env: {EMPTY: '', DATABASE_URL: 'postgres://{database_user}:{database_password}@db'}\n"
    assert read_one(folder, MINE + text).env == {
        "EMPTY": "",
        "DATABASE_URL": "postgres://{database_user}:{database_password}@db",
    }


@pytest.mark.parametrize(
    ("more", "restarts"),
    [
        ("", False),
        ("env: {GUNICORN_CMD_ARGS: --max-requests=200}\n", True),
        ("restarts_workers: true\n", True),
        ("env: {GUNICORN_CMD_ARGS: --max-requests=0}\nrestarts_workers: false\n", False),
    ],
)
def test_servers_that_restart_app_workers_by_design(
    folder: Path, more: str, restarts: bool
) -> None:
    assert read_one(folder, MINE + more).restarts_workers is restarts


def test_rows_are_told_apart_counted_or_both(folder: Path) -> None:
    for text, ledger, counted in (
        ("{table: posts, column: title}", Ledger("posts", "title"), ("posts",)),
        ("{tables: [order, line]}", Ledger(tables=("order", "line")), ("order", "line")),
        (
            "{table: a, column: b, tables: [c, a]}",
            Ledger("a", "b", ("c", "a")),
            ("a", "c"),
        ),
    ):
        read = read_one(folder, f"{MINE}ledger: {text}\n").ledger
        assert read == ledger
        assert read.counted == counted


def test_limits_are_durations(folder: Path) -> None:
    limits = read_one(folder, MINE + "limits: {start: 3m, seed: 1h}\n").limits
    assert (limits.start_s, limits.migrate_s, limits.seed_s) == (180.0, 900.0, 3600.0)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: mine\n", "", "mine/target.yaml:1: `name` is missing"),
        ("name: mine", "name: on", 'put it in quotes: "on"'),
        ("name: mine", "name: a/b", "mine/target.yaml:1: `name` expects a name of letters"),
        ("start: [serve, --port, ", "start: [serve, 8000, ", 'put it in quotes: "8000"'),
        ("start:", "strat:", "mine/target.yaml:2: unknown key `strat`"),
        ("{port}", "{prt}", "mine/target.yaml:2: unknown placeholder `{prt}` in `start`"),
        ("{port}", "{prt}", "; did you mean `port`?"),
        ("{port}", "{database_password}", ":2: `start` names `{database_password}`, which"),
        ("cpu: {}}", "cpu: {}}\nenv: {A: '{hots}'}", ":4: unknown placeholder `{hots}` in `A`"),
        ("routes: {cpu: {}}", "routes: {}", "mine/target.yaml:3: `routes` expects at least one"),
        ("cpu: {}", "cpu: ", "mine/target.yaml:3: `cpu` expects a map, not nothing"),
        ("cpu: {}", "cup: {}", "mine/target.yaml:3: unknown route `cup`: it is not in routes.yaml"),
        ("cpu: {}", "cup: {}", "; did you mean `cpu`?"),
        ("cpu: {}", "home: {path: /}", "mine/target.yaml:3: `method` is missing in `home`"),
        ("cpu: {}", "cpu: {method: GTE}", "; did you mean `GET`?"),
        ("cpu: {}", "cpu: {path: cpu}", "mine/target.yaml:3: `path` expects a path that begins"),
        ("cpu: {}", "cpu: {status: 2000}", ":3: `status` expects a whole number from 100 to 599"),
        ("cpu: {}", "create: {form: {a: b}, json: {}}", "has a `form` and a `json` body"),
        (
            "cpu: {}}",
            "cpu: {}}\nenv: {DEBUG: off}",
            "target.yaml:4: `DEBUG` expects text, not `off`",
        ),
        (
            "cpu: {}}",
            "cpu: {}}\nenv: {A-B: x}",
            "mine/target.yaml:4: `env` expects a variable's name",
        ),
        ("cpu: {}}", "cpu: {}}\nseed: [x, '{post}']", ":4: unknown placeholder `{post}` in `seed`"),
        ("cpu: {}}", "cpu: {}}\nready: ready", ":4: `ready` expects a path that begins with /"),
        (
            "cpu: {}}",
            "cpu: {}}\nsupports: {data_access: [raw]}",
            "expects one of sql, orm, not `raw`",
        ),
        ("cpu: {}}", "cpu: {}}\nsupports: {delay_ms: [0]}", ":4: unknown key `delay_ms`"),
        (
            "cpu: {}}",
            "cpu: {}}\nsupports: {wsgi_worker: [sync]}",
            ":4: `wsgi_worker` expects one of auto, gthread, not `sync`",
        ),
        (
            "cpu: {}}",
            "cpu: {}}\nrefuses: [{because: x, when: {wsgi_worker: [auto]}}]",
            ":4: `wsgi_worker` is no factor any more, `server` replaced it",
        ),
        ("cpu: {}}", "cpu: {}}\nrefuses: [{when: {pooler: [direct]}}]", ":4: `because` is missing"),
        ("cpu: {}}", "cpu: {}}\nrefuses: [{because: x}]", "a refusal expects levels under `when`"),
        ("cpu: {}}", "cpu: {}}\ninherent: app.driver", ":4: `inherent` expects a list, not `app"),
        ("cpu: {}}", "cpu: {}}\ninherent: [driver]", ":4: `inherent` expects facts by dotted path"),
        ("cpu: {}}", "cpu: {}}\ninherent: [app.a, app.a]", "`inherent` lists app.a twice"),
        ("cpu: {}}", "cpu: {}}\nledger: {table: a}", ":4: `ledger` lacks `column`"),
        ("cpu: {}}", "cpu: {}}\nledger: {column: a}", "to count rows alone, name it in `tables`"),
        ("cpu: {}}", "cpu: {}}\nledger: {}", ":4: `ledger` expects a `table` and its `column`, or"),
        ("cpu: {}", "cpu: {varying: [a..b]}", ":3: `varying` expects members of the answer"),
        ("cpu: {}", "cpu: {headers: {X Y: a}}", ":3: 'X Y' is no header's name in `headers`"),
        ("cpu: {}", "cpu: {headers: {Content-Length: '1'}}", "Content-Length is the client's own"),
        ("cpu: {}", "cpu: {headers: {X: 1}}", ":3: `X` expects text"),
        ("cpu: {}", 'cpu: {headers: {X: "a\\nb"}}', ":3: X has a value with line ends"),
        ("cpu: {}}", "cpu: {}}\ncpu: 1\ncpu: 2", "mine/target.yaml:5: duplicate key `cpu`"),
    ],
)
def test_each_problem_says_its_file_and_line(
    folder: Path, old: str, new: str, expected: str
) -> None:
    assert MINE.count(old) == 1
    assert expected in "\n".join(problems(folder, MINE.replace(old, new)))


def test_a_target_over_tls_names_the_file_that_vouches_for_it(folder: Path) -> None:
    assert read_one(folder, MINE).scheme == "http"
    (said,) = problems(folder, MINE + "tls: cert.pem\n")
    assert "files and folders that are there" in said
    (folder / "mine" / "cert.pem").write_text("")
    target = read_one(folder, MINE + "tls: cert.pem\n")
    assert (target.tls, target.scheme) == ("cert.pem", "https")


def test_headers_of_a_route_are_kept_as_they_stand(folder: Path) -> None:
    text = MINE.replace("cpu: {}", "cpu: {headers: {Accept-Encoding: gzip, accept: ''}}")
    target = read_one(folder, text)
    assert target.routes["cpu"].headers == {"Accept-Encoding": "gzip", "accept": ""}


def test_problems_of_all_files_come_together(folder: Path) -> None:
    (folder / "routes.yaml").write_text(ROUTES.replace("GET", "GTE"), encoding="utf-8")
    add(folder, "other", "name: other\nstart: []\nroutes: {create: {}}\n")
    assert [problem.split(": ")[0] for problem in problems(folder, MINE + "x: 1\n")] == [
        "mine/target.yaml:4",
        "other/target.yaml:2",
        "routes.yaml:2",
    ]


def test_an_unreadable_catalogue_is_the_only_problem_of_good_targets(folder: Path) -> None:
    (folder / "routes.yaml").unlink()
    (problem,) = problems(folder)
    assert problem == "routes.yaml: cannot be read: no such file or directory; check the path"


def test_two_targets_of_one_name(folder: Path) -> None:
    add(folder, "other", MINE)
    assert problems(folder) == [
        "other/target.yaml:1: target `mine` is there already, in mine/target.yaml:1; "
        "give it another name"
    ]


def test_a_folder_that_two_roots_lead_to_counts_once(folder: Path) -> None:
    roots = [folder, folder / "mine" / ".."]
    assert list(read_targets(roots, folder / "routes.yaml")) == ["mine"]


def test_only_direct_subfolders_are_looked_at(folder: Path) -> None:
    (folder / "deep").mkdir()
    add(folder / "deep", "er", "no: target\n")
    assert list(read_targets([folder], folder / "routes.yaml")) == ["mine"]


def test_a_root_that_is_no_folder(folder: Path) -> None:
    with pytest.raises(BadYaml, match="nowhere: is no folder"):
        read_targets([folder, Path("nowhere")], folder / "routes.yaml")


def test_services_are_named_or_spelt_out(folder: Path) -> None:
    assert read_one(folder, MINE + "services: [redis]\n").services == (SERVICES["redis"],)
    text = (
        "services: {redis: {}, mock: {start: [serve, '{port}'], port: 81, ready: {path: /up}}}\n"
        "env: {MOCK: '{mock_url}'}\n"
    )
    redis, mock = read_one(folder, MINE + text).services
    assert redis == SERVICES["redis"]
    assert mock == Service("mock", ("serve", "{port}"), 81, ready_path="/up")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "services: [rediss]",
            "service `rediss` needs `start` and `port`; the rig itself has redis",
        ),
        ("services: redis", "`services` expects a map, not `redis`"),
        ("services: {redis: {port: 1}}", "the rig starts `redis` itself, so it takes no keys"),
        ("services: {m: {start: [x], port: 70000}}", "`port` expects a whole number"),
        ("services: {database: {start: [x], port: 1}}", "`{database_host}` is the rig's own"),
        ("services: {M-1: {start: [x], port: 1}}", "expects a name of small letters"),
        ("env: {CACHE: '{redis_url}'}", "has no such service; add `services: [redis]`"),
        (
            "services: [redis]\nenv: {CACHE: '{redis_ulr}'}",
            "unknown placeholder `{redis_ulr}` in `CACHE`",
        ),
    ],
)
def test_what_is_wrong_with_services_is_said(folder: Path, text: str, says: str) -> None:
    with pytest.raises(BadYaml) as raised:
        read_one(folder, MINE + text + "\n")
    assert says in str(raised.value)


ASKED = """\
name: mine
start: [serve]
routes:
  create:
    method: POST
    path: "/a/?u={unique}"
    headers: {Host: shop.example}
    cookies: {session: "s{unique}"}
    json: [{title: "Post {unique}", query: "{posts{id}}"}]
    status: [200, 201]
    answer: [{title: "Post {unique}"}]
    answer_text: "Post {unique}"
    answer_pattern: "P[a-z]+"
    answer_headers: {Location: "/a/{unique}/"}
    always: {answer: {data: {id: "{unique}"}}, no_text: '"errors"', headers: {X-Id: "{n}"}}
  upload: {method: POST, path: /up, form: {tag: [a, b]}, files: {image: cat.jpg}}
  raw: {method: POST, path: /raw, body: "<x/>", headers: {Content-Type: text/xml}}
"""


def test_a_request_may_be_of_any_shape(folder: Path) -> None:
    (folder / "mine" / "cat.jpg").write_bytes(b"cat")
    routes = read_one(folder, ASKED).routes
    create, upload = routes["create"], routes["upload"]
    assert (create.statuses, create.cookies) == ((200, 201), {"session": "s{unique}"})
    assert create.json == [{"title": "Post {unique}", "query": "{posts{id}}"}]
    assert upload.form == {"tag": ("a", "b")}
    assert upload.files["image"].sha256 == sha256(b"cat").hexdigest()
    assert routes["raw"].body == "<x/>"
    always = create.always or Expected()
    assert (always.answer, always.no_text) == ({"data": {"id": "{unique}"}}, '"errors"')
    assert (always.text, always.pattern, always.headers) == ("", "", {"X-Id": "{n}"})
    assert upload.always is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("?u={unique}", "?u={unqiue}", "one of unique, n; did you mean `{unique}`?"),
        ('"Post {unique}", q', '"Post {uniqe}", q', ":9: unknown word `{uniqe}` in `title`"),
        ("shop.example", '"{host}"', ":7: unknown word `{host}` in `Host`"),
        ('[{title: "Post {unique}"}]', '[{title: "{cpu_sums}"}]', ":11: unknown word `{cpu_sums}`"),
        ("[200, 201]", "[200, 200]", ":10: `status` expects different statuses"),
        ("[200, 201]", "[200, 2010]", ":10: `status` expects"),
        ('"P[a-z]+"', '"P[a-z"', ":13: `answer_pattern` is no regular expression"),
        ("cat.jpg}", "cat.jpg}, json: {}", "has a `form` and a `files` and a `json` body"),
        ("cat.jpg", "dog.jpg", ":16: `image` expects a file that is there"),
        ("cat.jpg", "../../x", ":16: `image` expects a file inside mine/"),
        ('id: "{unique}"', 'id: "{uniqe}"', ":15: unknown word `{uniqe}` in `id`"),
        ('id: "{unique}"', 'id: "{length:x}"', ":15: `id` expects a length such as {length:25}"),
        ('X-Id: "{n}"', 'X-Id: "{m}"', ":15: unknown word `{m}` in `X-Id`"),
        ("no_text", "never", ":15: unknown key `never`"),
        ("no_text: '\"errors\"'", "pattern: '('", ":15: `pattern` is no regular expression"),
        ('"s{unique}"', '"a;b"', ":8: session has a value that no cookie can have"),
    ],
)  # fmt: skip
def test_each_problem_of_a_request_has_its_line(
    folder: Path, old: str, new: str, expected: str
) -> None:
    (folder / "mine" / "cat.jpg").write_bytes(b"cat")
    assert ASKED.count(old) == 1
    assert expected in "\n".join(problems(folder, ASKED.replace(old, new)))
