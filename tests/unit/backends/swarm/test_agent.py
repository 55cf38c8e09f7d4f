"""Both ends of a node's stream: the real agent, as a process of this machine."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.backends.processes import Piped, until
from rig.backends.swarm import folders
from rig.backends.swarm.agent import FRESH_FOR_S, SOURCE, NodeAgent
from rig.model import DamagedFile, LostNode, StackError


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The session's folder on the node."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture
def agent(there: Path, tmp_path: Path) -> Iterator[NodeAgent]:
    # by its file, and not by its text as on a node (test_hosts.py): a debugger finds its lines
    command = [sys.executable, "-P", "-s", str(SOURCE), str(there)]
    one = NodeAgent("lab", Piped(command, tmp_path / "log"))
    yield one
    one.close()


def test_files_go_in_and_folders_come_out(agent: NodeAgent, there: Path, tmp_path: Path) -> None:
    agent.call("empty", folders={"app": 0o755, "app/out": 0o777})
    agent.put({"spec.json": b"{}"}, "app", mode=0o444)
    assert (there / "app" / "spec.json").read_bytes() == b"{}"
    assert (there / "app" / "spec.json").stat().st_mode & 0o777 == 0o444
    out, here = there / "app" / "out", tmp_path / "here"
    (out / "deep").mkdir()
    (out / "deep" / "one").write_text("1")
    assert (agent.mirror("app/out", here) / "deep" / "one").read_text() == "1"
    # as through a mapping: neither size nor time of change tells
    before = (out / "deep" / "one").stat()
    (out / "deep" / "one").write_text("2")
    os.utime(out / "deep" / "one", ns=(before.st_atime_ns, before.st_mtime_ns))
    (out / "gone").touch()
    assert (_fresh(agent, here) / "deep" / "one").read_text() == "2"
    assert (here / "gone").exists()
    (out / "gone").unlink()
    assert not (_fresh(agent, here) / "gone").exists()
    agent.call("empty", folders={"app/out": 0o777})
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("writable", [False, True])
def test_a_project_stands_on_a_node_as_it_stands_here(
    agent: NodeAgent, there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writable: bool
) -> None:
    monkeypatch.setattr(folders, "PIECE_BYTES", 30_000)  # a few archives
    project = tmp_path / "shop"
    (project / "deep" / "empty").mkdir(parents=True)
    (project / ".git").mkdir()
    (project / ".git" / "config").touch()
    for number in range(20):
        (project / "deep" / f"{number}.py").write_bytes(os.urandom(5_000))
    (project / "manage.py").write_text("#!")
    (project / "manage.py").chmod(0o700)
    (project / "link").symlink_to("/etc")
    agent.put_folder(project, "given-1", writable)
    given = there / "given-1"
    names = {str(path.relative_to(given)) for path in given.rglob("*")}
    assert names == {"manage.py", "link", "deep", "deep/empty"} | {
        f"deep/{number}.py" for number in range(20)
    }
    for number in range(20):
        name = f"deep/{number}.py"
        assert (given / name).read_bytes() == (project / name).read_bytes()
    assert os.readlink(given / "link") == "/etc"
    modes = [(given / name).stat().st_mode & 0o777 for name in ("", "deep", "manage.py")]
    assert modes == ([0o777] * 3 if writable else [0o755] * 3)
    assert (given / "deep" / "0.py").stat().st_mode & 0o777 == (0o666 if writable else 0o644)


def _fresh(agent: NodeAgent, here: Path) -> Path:
    time.sleep(2 * FRESH_FOR_S)
    return agent.mirror("app/out", here)


def test_nothing_but_regular_files_comes_out(agent: NodeAgent, there: Path, tmp_path: Path) -> None:
    (there / "out").mkdir()
    (there / "out" / "link").symlink_to("/etc/passwd")
    with pytest.raises(DamagedFile, match="node lab: out/link is no regular file"):
        agent.mirror("out", tmp_path / "here")
    (there / "out" / "link").unlink()
    os.mkfifo(there / "out" / "pipe")
    with pytest.raises(DamagedFile, match="out/pipe is no regular file"):
        agent.mirror("out", tmp_path / "here2")
    assert not (tmp_path / "here" / "link").exists()


def _answering(server: socket.socket) -> None:
    there, _ = server.accept()
    with there:
        there.sendall(there.recv(100)[::-1])


def test_addresses_there_are_reached_from_here(agent: NodeAgent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answering, args=(server,), daemon=True).start()
        port = server.getsockname()[1]
        with socket.create_connection(agent.forward("127.0.0.1", port), 5) as link:
            link.sendall(b"abc")
            assert (link.recv(100), link.recv(100)) == (b"cba", b"")
    # nobody listens there any more
    with socket.create_connection(agent.forward("127.0.0.1", port), 5) as link:
        assert link.recv(100) == b""


def test_a_megabyte_says_whether_large_packets_pass(agent: NodeAgent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said, _ = agent.call("pass_megabyte", address="127.0.0.1", port=port, within_s=0.3)
        # taken by the kernel's buffers, and never said to have come
        assert said["came"] == "small packets only"
    said, _ = agent.call("pass_megabyte", address="127.0.0.1", port=port, within_s=0.3)
    assert (said["came"], said["why"]) == ("nothing", "Connection refused")
    agent.call("listen", address="127.0.0.1", port=port)
    said, _ = agent.call("pass_megabyte", address="127.0.0.1", port=port, within_s=5)
    assert said["came"] == "all"


def test_what_cannot_be_done_is_one_line_with_the_node(agent: NodeAgent) -> None:
    with pytest.raises(StackError, match=r"^node lab: mtu: no interface has 198\.18\.0\.9$"):
        agent.call("mtu", address="198.18.0.9")


def test_a_node_that_is_gone_is_lost_once_and_for_all(there: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('engine: gone')"]
    agent = NodeAgent("lab", Piped(command, tmp_path / "log"))
    for _ in until(10):
        if agent.lost:
            break
    for _ in range(2):
        with pytest.raises(LostNode) as caught:
            agent.call("ping")
        assert caught.value.what == "node lab is lost: engine: gone"
    agent.close()
