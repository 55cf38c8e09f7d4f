"""What the wrapper around a `django:` target costs of its goodput: at most 2 %?

    .venv/bin/python bench/wrapper_cost.py [REPEATS] [STEADY_S] [FOLDER]

Prints what it adds to one call, then runs one session in which trials with and without it take
turns: a view that does nothing, so that the wrapper's share is as large as it can be, and one that
reads a row. Exits 1 where the median ratio of a server and route is below 0.98.
"""

from __future__ import annotations

import csv
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "stack" / "around")]

CALLS = 100_000
WITHIN = 0.02
PROJECT = """\
import os
import sys

from django.conf import settings

settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": os.environ.get("PGDATABASE", ""),
        "USER": os.environ.get("PGUSER", ""), "HOST": os.environ.get("PGHOST", ""),
        "PORT": os.environ.get("PGPORT", ""),
    }},
)
import django
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpResponse
from django.urls import path

django.setup()


def ok(_request):
    return HttpResponse("ok")


def row(_request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return HttpResponse(str(cursor.fetchone()[0]))


urlpatterns = [path("", ok), path("row/", row)]
application, asgi = get_wsgi_application(), get_asgi_application()
"""
TARGET = """\
name: {name}
project: ../code
django: {{wsgi: "project:application", asgi: "project:asgi"}}
env: {{BENCH_WRAPPER: "{wrapper}"}}
ready: /
routes:
  ok: {{method: GET, path: /, statements: 0}}
  row: {{method: GET, path: /row/, statements: 1}}
"""
YAML = """\
experiment: wrapper-cost
setup: {{connections: pool, pool_size: 4}}
vary:
  route: [ok, row]
  server: [gunicorn-gthread, gunicorn-uvicorn]
  target: [wrapped, bare]
load: {{users: {{from: 8, per_s: 8, to: 8}}, steady: {steady_s}s, load_workers: 1}}
data: {{posts: 1, cpu_n: 1}}
design: {{repeats: {repeats}, order: random_blocks, seed: 3}}
"""


def added_us() -> float:
    """What the wrapper adds to a WSGI call, in µs."""
    from bench_wrapper import Wsgi

    def app(_environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        return [b""]

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": ""}

    def calls_us(called: Any) -> float:
        begun_s = time.perf_counter()
        for _ in range(CALLS):
            called(environ, lambda *_: None)
        return (time.perf_counter() - begun_s) / CALLS * 1e6

    around = Wsgi(app)
    return min(calls_us(around) for _ in range(3)) - min(calls_us(app) for _ in range(3))


def measured(folder: Path, repeats: int, steady_s: int) -> Path:
    """Runs the session; its table of trials."""
    for name, wrapper in (("wrapped", "on"), ("bare", "off")):
        (folder / name).mkdir()
        (folder / name / "target.yaml").write_text(TARGET.format(name=name, wrapper=wrapper))
    (folder / "code").mkdir()
    (folder / "code" / "project.py").write_text(PROJECT)
    file = folder / "wrapper-cost.yaml"
    file.write_text(YAML.format(repeats=repeats, steady_s=steady_s))
    subprocess.run(
        [sys.executable, str(ROOT / "runner.py"), str(file), "--yes", "--backend", "local",
         "--no-calibrate", "--out", str(folder / "out")],
        cwd=ROOT, timeout=8 * repeats * (steady_s + 60), check=False,
    )  # fmt: skip
    (table,) = folder.glob("out/*/*/derived/trials.csv")
    return table


def ratios(table: Path) -> dict[tuple[str, str], list[float]]:
    """With ÷ without, block by block, by route and server; valid trials only."""
    rps: dict[tuple[str, str, str], dict[str, float]] = {}
    with table.open(newline="") as rows:
        for row in csv.DictReader(rows):
            if row["verdict"] == "valid" and row["goodput_rps"]:
                key = row["route"], row["server"], row["replicate"]
                rps.setdefault(key, {})[row["target"]] = float(row["goodput_rps"])
    found: dict[tuple[str, str], list[float]] = {}
    for (route, server, _), both in sorted(rps.items()):
        if len(both) == 2:
            found.setdefault((route, server), []).append(both["wrapped"] / both["bare"])
    return found


def main() -> int:
    """Prints each ratio; 1 where one is below the bound."""
    given = [int(word) for word in sys.argv[1:3]]
    repeats, steady_s = [*given, *(6, 10)[len(given) :]]
    print(f"the wrapper adds {added_us():.1f} µs to a WSGI call", flush=True)
    folder = Path(sys.argv[3] if sys.argv[3:] else tempfile.mkdtemp(prefix="wrapper-cost-"))
    folder.chmod(0o755)
    within = True
    for (route, server), found in ratios(measured(folder, repeats, steady_s)).items():
        median = statistics.median(found)
        within &= median >= 1 - WITHIN
        each = ", ".join(f"{ratio:.3f}" for ratio in sorted(found))
        print(f"{route} on {server}: {median - 1:+.1%} with the wrapper ({each})")
    print(f"each median at least {1 - WITHIN:.2f}: {'yes' if within else 'NO'}")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
