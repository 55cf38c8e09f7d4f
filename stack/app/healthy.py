"""Exits 0 if the target answers: the app container's health check. Takes the app's JSON file."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path

from stack.app.spec import read_spec

if __name__ == "__main__":
    spec = read_spec(Path(sys.argv[1]))
    urllib.request.urlopen(f"http://{spec.env['BENCH_BIND']}/-/ready", timeout=4)
