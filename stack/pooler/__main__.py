"""Writes PgBouncer's configuration, then becomes PgBouncer.

    python -m stack.pooler SPEC.json OUT/

SPEC: `PoolerSpec`. OUT: `facts.json` with the version and whether it carries prepared statements
through transaction pooling (1.21 and later).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from stack.pooler.spec import PoolerSpec, read_spec

PREPARED_SINCE = (1, 21)
MAX_PREPARED_STATEMENTS = 200


def version_of(binary: str) -> tuple[int, ...]:
    """PgBouncer's version; OSError where the binary does not tell."""
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=20)
    found = re.search(r"PgBouncer (\d+)\.(\d+)\.(\d+)", done.stdout)
    if found is None:
        raise OSError(f"{binary} --version says {done.stdout!r} {done.stderr!r}")
    return tuple(int(part) for part in found.groups())


def settings(spec: PoolerSpec, version: tuple[int, ...], out: Path) -> dict[str, str | int | Path]:
    """The [pgbouncer] section."""
    section: dict[str, str | int | Path] = {
        "listen_addr": spec.address,
        "listen_port": spec.port,
        "unix_socket_dir": "",
        "auth_type": "scram-sha-256",
        "auth_file": out / "userlist.txt",
        "admin_users": spec.user,
        "pool_mode": "transaction",
        "default_pool_size": spec.pool_size,
        "max_client_conn": spec.max_client_conn,
        "server_tls_sslmode": "disable",
        "ignore_startup_parameters": "extra_float_digits",
        "query_wait_timeout": 120,
        # a trial ends with its connections; none may be recycled in the middle of it
        "server_lifetime": 3600,
        "server_idle_timeout": 3600,
        "log_connections": 0,
        "log_disconnections": 0,
    }
    if version >= PREPARED_SINCE:
        section["max_prepared_statements"] = MAX_PREPARED_STATEMENTS
    return section


def main() -> None:
    """The role: one JSON file in, one folder out."""
    spec, out = read_spec(Path(sys.argv[1])), Path(sys.argv[2])
    version = version_of(spec.binary)
    section = settings(spec, version, out)
    os.umask(0o077)
    password = Path(spec.password_file).read_text().strip()
    (out / "userlist.txt").write_text(f'"{spec.user}" "{password}"\n')
    database = (
        f"{spec.database_name} = host={spec.database_address} "
        f"port={spec.database_port} dbname={spec.database_name}\n"
    )
    lines = [f"{name} = {value}\n" for name, value in section.items()]
    configuration = out / "pgbouncer.ini"
    configuration.write_text("[databases]\n" + database + "[pgbouncer]\n" + "".join(lines))
    facts = {
        "version": ".".join(map(str, version)),
        "prepared_statements": version >= PREPARED_SINCE,
        "settings": {name: str(value) for name, value in section.items() if name != "auth_file"},
    }
    scratch = out / "facts.part"  # it is waited for, and read as soon as it is there
    scratch.write_text(json.dumps(facts))
    scratch.replace(out / "facts.json")
    os.execv(spec.binary, ["pgbouncer", str(configuration)])


if __name__ == "__main__":
    main()
