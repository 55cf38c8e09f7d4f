"""The app container's entry point: starts the target without any right, and delays its packets.

    python -m stack.app.entry SPEC.json OUT/

It alone holds the capabilities. `SPEC.json` is `stack.app`'s; the web server it starts runs as an
unprivileged user with every capability set empty and no way to gain one. Once a delay's
`delay.json` lies beside the app's folder, the delay role is started, too, in folder `delay/`:
`delay.signal` there hands it a signal by number, and `delay.exit` says how it ended.

The container ends after the target, with its exit code, but not before the delayed packets that
it sent last have left: its peers would otherwise wait for them for ever.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

USER_ID = 10001
POLL_S = 0.05


def unprivileged(command: list[str]) -> list[str]:
    """The command as the user `rig`, with nothing it could raise itself by."""
    return [
        *("setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"),
        *("--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"),
        *command,
    ]


class DelayRole:
    """The delay role as this container's child, steered by files."""

    def __init__(self, spec: Path) -> None:
        self._spec = spec
        self._out = spec.parent / "delay"
        self._process: subprocess.Popen[bytes] | None = None

    def linger_s(self) -> float:
        """How long the target's last packets, and the answers to them, are still under way."""
        if self._process is None or self._process.poll() is not None:
            return 0.0
        return 0.2 + 3 * float(json.loads(self._spec.read_text())["delay_ms"]) / 1000

    def look(self) -> None:
        """Starts it once its spec is there; hands signals on; notes its end."""
        if self._process is None:
            if self._spec.exists():
                command = [sys.executable, "-m", "stack.delay", str(self._spec), str(self._out)]
                with (self._out / "log").open("ab") as log:
                    self._process = subprocess.Popen(command, stdout=log, stderr=log)
            return
        wanted = self._out / "delay.signal"
        if wanted.exists():
            number = int(wanted.read_text())
            wanted.unlink()
            self._process.send_signal(number)
        if self._process.poll() is not None and not (self._out / "delay.exit").exists():
            (self._out / "delay.exit").write_text(str(self._process.returncode))


def main() -> None:
    """The role: one JSON file in, one folder out."""
    spec, out = Path(sys.argv[1]), Path(sys.argv[2])
    target = subprocess.Popen(
        unprivileged([sys.executable, "-m", "stack.app", str(spec), str(out)])
    )
    signal.signal(signal.SIGTERM, lambda *_: target.send_signal(signal.SIGTERM))
    delay = DelayRole(spec.parent.parent / "delay.json")
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
