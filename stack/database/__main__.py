"""Makes or copies a cluster, then becomes Postgres.

    python -m stack.database SPEC.json OUT/

SPEC: `DatabaseSpec`. OUT: `facts.json`. Postgres refuses to run as root, and so does this.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from stack.database.copies import refresh
from stack.database.spec import read_spec

HBA = "host all all 0.0.0.0/0 scram-sha-256\n"


def initialise(bin_dir: Path, cluster: Path, password_file: str) -> None:
    """A new cluster whose superuser is `postgres`."""
    command: list[str | Path] = [bin_dir / "initdb", "-D", cluster, "-U", "postgres"]
    command += [
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)


def set_passwords(bin_dir: Path, cluster: Path, password_files: Mapping[str, str]) -> None:
    """Gives roles new passwords without logging in: Postgres in single-user mode."""
    statements = "".join(
        f"ALTER ROLE {role} PASSWORD '{Path(path).read_text().strip()}';\n"
        for role, path in password_files.items()
    )
    subprocess.run(
        [bin_dir / "postgres", "--single", "-D", cluster, "postgres"],
        input=statements,
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=120,
    )


def configure(cluster: Path, settings: Mapping[str, str | int]) -> None:
    """Writes what Postgres runs with; nothing of initdb's own sample stays in force."""
    lines = [f"{name} = '{value}'\n" for name, value in sorted(settings.items())]
    (cluster / "postgresql.conf").write_text("".join(lines))
    (cluster / "pg_hba.conf").write_text(HBA)


def main() -> None:
    """The role: one JSON file in, one folder out."""
    spec, out = read_spec(Path(sys.argv[1])), Path(sys.argv[2])
    bin_dir, cluster = Path(spec.bin_dir), Path(spec.cluster)
    if spec.initialise and not (cluster / "PG_VERSION").exists():
        initialise(bin_dir, cluster, spec.password_files["postgres"])
    elif spec.template:
        refresh(Path(spec.template), cluster)
    if spec.set_passwords:
        set_passwords(bin_dir, cluster, spec.password_files)
    configure(cluster, spec.settings)
    # the copy's dirty pages belong to the preparation, not to the measurement
    os.sync()
    (out / "facts.json").write_text(json.dumps({"settings": spec.settings}))
    os.execv(bin_dir / "postgres", [str(bin_dir / "postgres"), "-D", str(cluster)])


if __name__ == "__main__":
    main()
