"""The client over real sockets, in both ways to wait: in the operating system, in greenlets."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import resource
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from rig.load.http.answer import ANY_STATUS, NoAnswer, Reader
from rig.load.http.cookies import Cookies
from rig.load.http.exchange import Blocking, Connection
from rig.load.http.origin import Place, resolved
from rig.load.http.outcome import of_wrong
from rig.load.http.request import Origin, origin_of
from rig.load.users.greenlets import Client, GreenletWaiting, Sweeper

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
DEADLINE_S = 20.0
Serve = Callable[[socket.socket], None]


class Server:
    """Runs a function with each connection that comes, in turn, in a thread."""

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None = None) -> None:
        self.came = 0
        self._serve, self._tls = serve, tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listening.accept()
                self.came += 1
                self._last = plain
                with plain, contextlib.suppress(OSError):
                    if self._tls is None:
                        self._serve(plain)
                        continue
                    with self._tls.wrap_socket(plain, server_side=True) as secured:
                        self._last = secured
                        self._serve(secured)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with contextlib.suppress(OSError, AttributeError):
            self._last.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE_S)


@pytest.fixture(params=["blocking", "greenlets"])
def connected(request: pytest.FixtureRequest) -> Iterator[Callable[[Place], Connection]]:
    """Makes connections that wait in one of the two ways."""
    with contextlib.ExitStack() as exits:
        sweeper = Sweeper(0.5) if request.param == "greenlets" else None
        if sweeper is not None:
            exits.callback(sweeper.close)

        def connect(place: Place) -> Connection:
            waiting = GreenletWaiting(sweeper) if sweeper else Blocking()
            connection = Connection(place, waiting)
            exits.callback(connection.close)
            return connection

        yield connect


def place(port: int, scheme: str = "http") -> Place:
    return resolved(Origin(scheme, "127.0.0.1", port))


def ask(connection: Connection, message: bytes = REQUEST, within_s: float = DEADLINE_S) -> Reader:
    """In a greenlet of its own: the main one is where all others come from."""
    deadline_s = time.monotonic() + within_s
    asking = gevent.spawn(connection.ask, message, deadline_s, False, ANY_STATUS)
    reader: Reader = asking.get()
    return reader


def answers(times: int) -> Serve:
    def serve(came: socket.socket) -> None:
        for _ in range(times):
            if came.recv(65_536):
                came.sendall(OK)

    return serve


def test_a_connection_is_kept_and_made_anew_where_it_has_ended(
    connected: Callable[[Place], Connection],
) -> None:
    with Server(answers(2)) as server:
        connection = connected(place(server.port))
        for expected in (1, 1, 2, 2, 3):
            assert ask(connection).answer().body() == b"ok"
            assert server.came == expected
            gevent.sleep(0.05)  # so that its end is here before the next one


def test_the_wait_has_a_deadline_over_the_whole_exchange(
    connected: Callable[[Place], Connection],
) -> None:
    def drip(came: socket.socket) -> None:
        came.recv(65_536)
        came.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            came.sendall(b"x")
            time.sleep(0.02)

    with Server(drip) as server:
        connection = connected(place(server.port))
        with pytest.raises(NoAnswer) as late:
            ask(connection, within_s=0.3)
        assert late.value.outcome == "timeout"


@pytest.mark.parametrize("answered", [0, 1])
@pytest.mark.parametrize("reset", [False, True])
def test_an_end_before_the_first_byte_is_told_apart_over_a_kept_connection(
    connected: Callable[[Place], Connection], answered: int, reset: bool
) -> None:
    def leave(came: socket.socket) -> None:
        for _ in range(answered):
            came.recv(65_536)
            came.sendall(OK)
        came.recv(65_536)
        if reset:
            came.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with Server(leave) as server:
        connection = connected(place(server.port))
        for _ in range(answered):
            ask(connection)
        with pytest.raises(NoAnswer) as ended:
            ask(connection)
        assert ended.value.outcome == ("kept_connection_closed" if answered else "connection_reset")
        assert server.came == 1  # and it was not sent again


def test_nobody_there_is_refused(connected: Callable[[Place], Connection]) -> None:
    with Server(answers(1)) as server:
        gone = server.port
    with pytest.raises(NoAnswer) as refused:
        ask(connected(place(gone)))
    assert refused.value.outcome == "connection_refused"


def test_large_bodies_go_both_ways_in_parts(connected: Callable[[Place], Connection]) -> None:
    sent, came_back = b"x" * 5_000_000, 300_000_000
    got: list[int] = []

    def serve(came: socket.socket) -> None:
        size = 0
        time.sleep(0.05)  # until no more goes into what lies between
        while size < len(sent):
            size += len(came.recv(65_536))
        got.append(size)
        came.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % came_back)
        piece = bytes(1 << 20)
        left = came_back
        while left:
            left -= came.send(piece[: min(left, len(piece))])

    with Server(serve) as server:
        reader = ask(connected(place(server.port)), sent)
        assert (got, reader.body_bytes, reader.body_left_out) == ([len(sent)], came_back, True)


def test_descriptors_beyond_1024_are_as_good_as_others(
    connected: Callable[[Place], Connection],
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], 4096), limits[1]))
    held: list[socket.socket] = []
    try:
        with Server(answers(2)) as server:
            first = socket.socket()
            held.append(first)
            while held[-1].fileno() < 1100:
                held.append(socket.socket(fileno=fcntl.fcntl(first.fileno(), fcntl.F_DUPFD, 0)))
            connection = connected(place(server.port))
            for _ in range(2):
                assert ask(connection).status == 200
            assert server.came == 1
    finally:
        for one in held:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of 127.0.0.1 that nobody vouches for, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    key, signed, both = folder / "key.pem", folder / "signed.pem", folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout",
         str(key), "-out", str(signed), "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    both.write_text(key.read_text() + signed.read_text())
    return both


@pytest.fixture
def secured(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(came: socket.socket) -> None:
        while asked := came.recv(65_536):
            while not asked.endswith((b"\r\n\r\n", b"end")):
                asked += came.recv(65_536)
            size = len(asked)
            came.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + asked)

    with Server(serve, context) as server:
        yield server


def test_over_tls_whoever_is_not_vouched_for_is_refused(
    connected: Callable[[Place], Connection], secured: Server
) -> None:
    with pytest.raises(NoAnswer, match="certificate verify failed") as refused:
        ask(connected(place(secured.port, "https")))
    assert refused.value.outcome == "client_error"


@pytest.mark.parametrize("by", ["the system", "its own"])
def test_over_tls_it_is_the_same(
    connected: Callable[[Place], Connection],
    secured: Server,
    certificate: Path,
    by: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    origin = Origin("https", "127.0.0.1", secured.port)
    if by == "the system":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    else:  # whatever address it is asked at: the certificate has no such name
        vouches = certificate.with_name("signed.pem").read_text()
        origin = Origin("https", "localhost", secured.port, vouches)
    connection = connected(resolved(origin))
    for message in (REQUEST, b"x" * 2_000_000 + b"end", REQUEST):
        reader = ask(connection, message)
        assert (reader.status, reader.body_bytes) == (200, len(message))
    assert secured.came == 1


def test_what_is_no_certificate_vouches_for_nobody() -> None:
    with pytest.raises(NoAnswer, match="no certificates that vouch for 127"):
        resolved(Origin("https", "127.0.0.1", 443, "nonsense"))


def test_over_tls_a_server_without_it_gives_no_answer(
    connected: Callable[[Place], Connection],
) -> None:
    with Server(answers(1)) as server, pytest.raises(NoAnswer) as refused:
        ask(connected(place(server.port, "https")))
    assert refused.value.outcome in ("client_error", "connection_reset")


def test_a_client_uses_idle_connections_again_and_gives_up_those_of_the_killed() -> None:
    release = threading.Event()

    def serve(came: socket.socket) -> None:
        while came.recv(65_536):
            release.wait(DEADLINE_S)
            came.sendall(OK)

    sweeper = Sweeper(DEADLINE_S)
    with Server(serve) as server:
        client = Client(place(server.port), DEADLINE_S, sweeper)

        def asks() -> int:
            return client.ask(REQUEST, time.monotonic(), False, ANY_STATUS).status

        killed = gevent.spawn(asks)
        gevent.sleep(0.05)
        killed.kill()
        assert sweeper.watched == set()
        release.set()
        assert [gevent.spawn(asks).get() for _ in range(3)] == [200, 200, 200]
        assert server.came == 2
        client.close()
        assert sweeper.watched == set()
    sweeper.close()


def test_a_streamed_answer_is_read_as_it_comes_and_gives_its_connection_back() -> None:
    go_on, head = threading.Event(), b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"

    def serve(came: socket.socket) -> None:
        while came.recv(65_536):
            came.sendall(head + b"one")
            go_on.wait(DEADLINE_S)
            go_on.clear()
            came.sendall(b"two")

    sweeper = Sweeper(DEADLINE_S)
    with Server(serve) as server:
        client = Client(place(server.port), DEADLINE_S, sweeper)

        def streams(whole: bool) -> list[bytes]:
            reader, streamed = client.stream(REQUEST, time.monotonic(), False)
            pieces = streamed.pieces()
            found = [next(pieces)]
            assert (reader.status, reader.whole) == (200, False)
            go_on.set()
            found += list(pieces) if whole else []
            streamed.close()
            return found

        read = [gevent.spawn(streams, whole).get() for whole in (True, False, True)]
        assert [b"".join(pieces) for pieces in read] == [b"onetwo", b"one", b"onetwo"]
        assert server.came == 2  # what was given up took its connection with it
        client.close()
        assert sweeper.watched == set()
    sweeper.close()


def test_a_streamed_answer_that_breaks_off_is_none() -> None:
    def serve(came: socket.socket) -> None:
        came.recv(65_536)
        came.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")

    def streams() -> Iterator[bytes]:
        _, streamed = client.stream(REQUEST, time.monotonic(), False)
        return streamed.pieces()

    sweeper = Sweeper(DEADLINE_S)
    with Server(serve) as server:
        client = Client(place(server.port), DEADLINE_S, sweeper)
        with pytest.raises(NoAnswer) as refused:
            gevent.spawn(lambda: list(streams())).get()
    assert refused.value.outcome == "connection_reset"
    client.close()
    sweeper.close()


def test_a_name_that_nobody_has_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match=r"nobody\.invalid"):
        resolved(origin_of("http://nobody.invalid"))


WHAT_COMES = {
    "an answer": OK,
    "one that closes": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
    "a cookie": OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n"),
    "a problem": OK.replace(b"200 OK", b"500 No\r\nContent-Type: application/problem+json"),
    "a short body": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
    "no chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
    "no HTTP": b"nothing\r\n\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("comes", WHAT_COMES)
def test_no_request_leaves_what_a_garbage_collection_alone_would_see(
    connected: Callable[[Place], Connection], comes: str
) -> None:
    """A load worker has none of those while the rig's own users load."""

    def serve(came: socket.socket) -> None:
        while came.recv(65_536):
            came.sendall(WHAT_COMES[comes])
            if WHAT_COMES[comes] is not OK:
                break

    def ask_once(connection: Connection, cookies: Cookies) -> None:
        with contextlib.suppress(NoAnswer):
            reader = connection.ask(REQUEST, time.monotonic() + DEADLINE_S, False, 200)
            of_wrong(reader.answer(), (200,))
            cookies.take("http://127.0.0.1/", reader.answer().pairs())

    def ask_often() -> int:
        connection, cookies = connected(place(server.port)), Cookies()
        for _ in range(2):
            ask_once(connection, cookies)
        gc.collect()
        gc.disable()
        for _ in range(5):
            ask_once(connection, cookies)
        found = gc.collect()
        gc.enable()
        return found

    with Server(serve) as server:
        assert gevent.spawn(ask_often).get() == 0
