"""Makes /proc trees."""

from __future__ import annotations

from pathlib import Path

from rig.probes.proc import PAGE_BYTES, TICK_S


def process(
    root: Path,
    pid: int,
    *below: int,
    command: str = "serve",
    cpu_s: float = 0.0,
    resident_bytes: int = 0,
    shared_bytes: int = 0,
    waits: tuple[int, int] = (0, 0),
    inside: int = 0,
    cgroup: str = "",
) -> None:
    """One process as the kernel would show it, with one thread and the children `below`."""
    folder, thread = root / str(pid), root / str(pid) / "task" / str(pid)
    thread.mkdir(parents=True, exist_ok=True)
    ticks = round(cpu_s / TICK_S)
    # fields from the third on: state, then those up to utime, stime, cutime, cstime …
    fields = ["S", *["0"] * 10, str(ticks), "0", "0", "0", *["0"] * 4, "77", "0"]
    (folder / "stat").write_text(f"{pid} (a name) with) S) {' '.join(fields)}\n")
    pages = (0, resident_bytes // PAGE_BYTES, shared_bytes // PAGE_BYTES)
    (folder / "statm").write_text(" ".join(map(str, pages)) + " 0 0 0 0\n")
    (folder / "cmdline").write_text("\0".join(command.split()) + "\0")
    (folder / "status").write_text(f"Name:\tx\nNSpid:\t{pid}\t{inside or pid}\nThreads:\t1\n")
    (folder / "cgroup").write_text(cgroup)
    (thread / "children").write_text(" ".join(map(str, below)))
    (thread / "status").write_text(
        f"Name:\tx\nvoluntary_ctxt_switches:\t{waits[0]}\nnonvoluntary_ctxt_switches:\t{waits[1]}\n"
    )
