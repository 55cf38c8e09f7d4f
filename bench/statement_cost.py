"""What counting statements costs: CPU time of a statement with pg_stat_statements, and without.

    .venv/bin/python bench/statement_cost.py [PAIRS]      (default: 60; about a minute)

Two servers run with the rig's settings, one of which counts. They are asked in turns, in random
order within each pair, so that a noisy machine's moods fall on both. The CPU time is the server
process's own, from its schedstat, so that waiting for a CPU is not in it. The figure is the median
over the pairs, with the quartiles. Statements are those of `io_create` and `io_read`, sent as
psycopg does.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from rig.backends.database import COUNTING_STATEMENTS, FIXED_SETTINGS  # noqa: E402
from rig.backends.machine import binaries  # noqa: E402
from rig.backends.machine.user import roles_user  # noqa: E402
from rig.model import StackError  # noqa: E402

EACH_TURN = 300
START_DEADLINE_S = 30
TABLE = "CREATE TABLE post (id serial PRIMARY KEY, title text, content text)"
STATEMENTS = {
    "INSERT of one row": "INSERT INTO post (title, content) VALUES (%s, 'written') RETURNING id",
    "SELECT of 25 rows": "SELECT id, title, content FROM post WHERE title <> %s LIMIT 25",
}

Connection = psycopg.Connection[tuple[Any, ...]]


@contextlib.contextmanager
def server(folder: Path, bin_dir: str, counts: bool) -> Iterator[Connection]:
    """A Postgres with the rig's settings, and a connection to it."""
    user, data = roles_user(), folder / f"counts-{counts}"
    data.mkdir(mode=0o700)
    user.owns(data)
    ids = [f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups"]
    as_user = ["setpriv", *ids] if user.other else []
    made = [f"{bin_dir}/initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "--locale=C"]
    subprocess.run([*as_user, *made, "--no-sync"], check=True, stdout=subprocess.DEVNULL, cwd="/")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {**FIXED_SETTINGS, "listen_addresses": "127.0.0.1", "port": port}
    settings |= COUNTING_STATEMENTS if counts else {}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [*as_user, f"{bin_dir}/postgres", "-D", str(data), *words]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd="/")
    try:
        connection = _connected(port)
        connection.execute(TABLE)
        connection.execute("INSERT INTO post SELECT n, n, 'seeded' FROM generate_series(1, 1000) n")
        connection.execute("SELECT setval('post_id_seq', 2000)")
        yield connection
        connection.close()
    finally:
        process.terminate()
        process.wait(START_DEADLINE_S)


def _connected(port: int) -> Connection:
    give_up_s = time.monotonic() + START_DEADLINE_S
    while True:
        try:
            where = {"host": "127.0.0.1", "port": port, "user": "postgres"}
            return psycopg.connect(**where, autocommit=True)  # type: ignore[arg-type]
        except psycopg.OperationalError:
            if time.monotonic() > give_up_s:
                raise
            time.sleep(0.1)


def cpu_us(connection: Connection, statement: str) -> float:
    """CPU time that a statement takes its server process, in µs, as the mean of a turn."""
    schedstat = Path(f"/proc/{connection.info.backend_pid}/schedstat")
    before_ns = int(schedstat.read_text().split()[0])
    for number in range(EACH_TURN):
        connection.execute(statement.encode(), (str(number),)).fetchall()
    return (int(schedstat.read_text().split()[0]) - before_ns) / 1000 / EACH_TURN


def main() -> None:
    """Prints a line for each kind of statement."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    programs = binaries.find()
    if not programs.counts_statements:
        raise StackError("no Postgres here has pg_stat_statements", "make setup")
    folder = Path(tempfile.mkdtemp(prefix="statement-cost-"))
    folder.chmod(0o755)
    drawn = random.Random(1)
    print(f"{programs.postgres_build}, {os.cpu_count()} CPUs, {pairs} pairs of {EACH_TURN}")
    try:
        with (
            server(folder, programs.postgres_dir, True) as counting,
            server(folder, programs.postgres_dir, False) as plain,
        ):
            for what, statement in STATEMENTS.items():
                print(what, compared(counting, plain, statement, pairs, drawn))
    finally:
        shutil.rmtree(folder)


def compared(
    counting: Connection, plain: Connection, statement: str, pairs: int, drawn: random.Random
) -> str:
    """One line: without, and what counting adds."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(pairs):
        for counts in drawn.sample([True, False], 2):
            took[counts].append(cpu_us(counting if counts else plain, statement))
    added = [one - other for one, other in zip(took[True], took[False], strict=True)]
    low, middle, high = statistics.quantiles(added, n=4)
    without_us = statistics.median(took[False])
    share = 100 * middle / without_us
    return (
        f"{without_us:.0f} µs; counted {middle:+.1f} µs ({low:+.1f} to {high:+.1f}), {share:+.1f} %"
    )


if __name__ == "__main__":
    main()
