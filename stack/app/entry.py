"""The app container's entry point: starts the target without any right, and delays its packets.

    python -m stack.app.entry SPEC.json OUT/

It alone holds the capabilities. `SPEC.json` is `stack.app`'s; the web server it starts runs as an
unprivileged user with every capability set empty and no way to gain one. Once a `delay.json` lies
beside `SPEC.json`, the delay role is started, too, in `/root/delay`, which the target cannot reach:
the role's `log` stands there, and `exit` says how it ended. SIGUSR1 is handed on to it.

The container ends after the target, with its exit code, but not before the delayed packets that
it sent last have left: its peers would otherwise wait for them for ever.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from stack.delay.spec import read_spec

USER_ID = 10001
POLL_S = 0.05
DELAY_FOLDER = Path("/root/delay")
SAFE_PYTHON = [sys.executable, "-P", "-s"]


def unprivileged(command: list[str]) -> list[str]:
    """The command as the user `rig`, with nothing it could raise itself by."""
    return [
        *("setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"),
        *("--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"),
        *command,
    ]


class DelayRole:
    """The delay role as this container's child."""

    def __init__(self, spec: Path, out: Path) -> None:
        self._spec, self._out = spec, out
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def linger_s(self) -> float:
        """How long the target's last packets, and the answers to them, are still under way."""
        if self._process is None or self._process.poll() is not None:
            return 0.0
        return 0.2 + 3 * read_spec(self._spec).delay_ms / 1000

    def look(self) -> None:
        """Starts it once its spec is there; notes its end."""
        if self._process is None:
            if self._spec.exists():
                command = [*SAFE_PYTHON, "-m", "stack.delay", str(self._spec), str(self._out)]
                with (self._out / "log").open("xb") as log:
                    self._process = subprocess.Popen(command, stdout=log, stderr=log)
        elif self._process.poll() is not None and not self._ended:
            self._ended = True
            with (self._out / "exit").open("x") as file:
                file.write(str(self._process.returncode))

    def hand_on(self, number: int, _frame: object) -> None:
        """Sends it a signal that this process was sent."""
        if self._process is not None:
            self._process.send_signal(number)


def main() -> None:
    """The role: one JSON file in, one folder out."""
    spec, out = Path(sys.argv[1]), Path(sys.argv[2])
    delay = DelayRole(spec.with_name("delay.json"), DELAY_FOLDER)
    signal.signal(signal.SIGUSR1, delay.hand_on)
    target = subprocess.Popen(unprivileged([*SAFE_PYTHON, "-m", "stack.app", str(spec), str(out)]))
    signal.signal(signal.SIGTERM, lambda *_: target.send_signal(signal.SIGTERM))
    while target.poll() is None:
        delay.look()
        time.sleep(POLL_S)
    leave_s = time.monotonic() + delay.linger_s()
    while time.monotonic() < leave_s:
        delay.look()
        time.sleep(POLL_S)
    sys.exit(target.returncode if target.returncode >= 0 else 128 - target.returncode)


if __name__ == "__main__":
    main()
