"""Engines of one Swarm, as files: a `docker` on PATH that does with them what engines would.

What agents do is real: they are processes of this machine, each in its node's folder.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rig.backends.swarm.agent import SOURCE
from rig.nodes import Node, Nodes, placed

NAMES = ("a", "b", "c")
# one file for each container, network and volume, which holds its label
DOCKER = """\
#!/bin/sh
engine=here
[ "$1" = --context ] && { engine=$2; shift 2; }
echo "$engine $*" >> ROOT/log
no() { echo "$1" >&2; exit 1; }
list() {
  for one in "ROOT/$engine/$1"/*; do
    [ -e "$one" ] && printf '%s\\t%s\\n' "${one##*/}" "$(cat "$one")"
  done; true
}
gone() { kind=$1; shift; for one; do rm "ROOT/$engine/$kind/$one" || exit 1; done; }
named() {
  while [ $# -gt 0 ]; do
    case "$1" in --name) name=$2 ;; --label) label=${2#*=} ;; esac
    last=$1; shift
  done
}
[ "$engine" = here ] || [ -e "ROOT/$engine/info.json" ] ||
  no "Cannot connect to the Docker daemon at tcp://$engine:2375. Is the docker daemon running?"
case "$1 $2" in
  "info "*) cat "ROOT/$engine/info.json" ;;
  "node ls") cat ROOT/members ;;
  "config ls") [ -e ROOT/config ] && echo async-django-rig; true ;;
  "config inspect") cat ROOT/config ;;
  "config rm") rm ROOT/config ;;
  "config create")
    [ -e ROOT/config ] && no "rpc error: code = AlreadyExists desc = config already exists"
    shift 2; said=
    while [ "$1" = --label ]; do said="$said, \\"${2%%=*}\\": \\"${2#*=}\\""; shift 2; done
    echo "{${said#, }}" > ROOT/config ;;
  "image ls") cat ROOT/image ;;
  "image inspect") echo sha256:0123 ;;
  "volume create") named "$@"; echo "$label" > "ROOT/$engine/volume/$last" ;;
  "volume inspect") echo "ROOT/$engine/session" ;;
  "volume ls") list volume ;;
  "volume rm") shift 3; gone volume "$@" ;;
  "network create") named "$@"; echo "$label" > "ROOT/$engine/network/$last" ;;
  "network connect") true ;;
  "network ls") list network ;;
  "network rm") shift 2; gone network "$@" ;;
  "ps --all") list container ;;
  "create "*) named "$@"; echo "$label" > "ROOT/$engine/container/$name" ;;
  "rm --force")
    shift 2; [ "$1" = --volumes ] && shift
    gone container "$@" ;;
  "start --attach")
    why=ROOT/$engine/refuses; [ -e "$why" ] && { said=$(cat "$why"); rm "$why"; no "$said"; }
    exec PYTHON -P -s AGENT "ROOT/$engine/session" ;;
  "events "*) exec sleep 600 ;;
  *) no "docker: '$1' is not a docker command" ;;
esac
"""


@dataclass(frozen=True)
class Engines:
    """Those of the nodes, all members of one Swarm, of which the first is the manager."""

    root: Path

    def says(self, node: str, **changes: Any) -> None:
        """What an engine says of itself."""
        swarm = {
            "LocalNodeState": "active",
            "NodeID": f"id-{node}",
            "ControlAvailable": node == NAMES[0],
            **changes.pop("Swarm", {}),
        }
        said = {"ServerVersion": "28.5.0", "NCPU": 4, "KernelVersion": "6.1.0", "Swarm": swarm}
        (self.root / node / "info.json").write_text(json.dumps({**said, **changes}))

    def ends(self, node: str) -> None:
        """It answers no more."""
        (self.root / node / "info.json").unlink()

    def has(self, node: str, kind: str, name: str, label: str) -> None:
        """A container, network or volume that somebody left there."""
        (self.root / node / kind / name).write_text(label)

    def refuses(self, node: str, why: str) -> None:
        """It does not start the next container."""
        (self.root / node / "refuses").write_text(why)

    def held_by(self, labels: Mapping[str, str]) -> None:
        """The Swarm is another session's."""
        (self.root / "config").write_text(json.dumps(labels))

    @property
    def left(self) -> list[str]:
        """All that stands on them: the node, the kind, the name."""
        kinds = ("container", "network", "volume")
        found = [path for kind in kinds for path in self.root.glob(f"*/{kind}/*")]
        held = [self.root / "config"] * (self.root / "config").exists()
        return sorted(str(path.relative_to(self.root)) for path in (*found, *held))

    def told(self, words: str) -> list[str]:
        """The commands that have these words, each after the name of its engine."""
        return [line for line in (self.root / "log").read_text().splitlines() if words in line]


def nodes(*names: str) -> Nodes:
    """A nodes file with these."""
    every = names or NAMES
    return Nodes({name: Node(name, name) for name in every}, placed(every))


def on_path(folder: Path, patched: pytest.MonkeyPatch) -> Engines:
    """Engines in a folder, which `docker` leads to from now on."""
    root, program = folder / "engines", folder / "bin" / "docker"
    made = Engines(root)
    for name in ("here", *NAMES):
        for kind in ("container", "network", "volume", "session"):
            (root / name / kind).mkdir(parents=True)
        if name in NAMES:
            made.says(name)
    (root / "members").write_text("".join(f"id-{name}\n" for name in NAMES))
    (root / "image").write_text("0123\n")
    (root / "log").touch()
    text = DOCKER.replace("ROOT", str(root)).replace("AGENT", str(SOURCE))
    program.parent.mkdir()
    program.write_text(text.replace("PYTHON", sys.executable))
    program.chmod(0o755)
    patched.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    # what killed sessions left there is removed, and another may be running
    patched.setattr(tempfile, "tempdir", str(folder))
    return made


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engines:
    return on_path(tmp_path, monkeypatch)
