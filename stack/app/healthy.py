"""Exits 0 if the target answers: the app container's health check. Takes the app's JSON file."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

if __name__ == "__main__":
    spec = json.loads(Path(sys.argv[1]).read_text())
    urllib.request.urlopen(f"http://{spec['env']['BENCH_BIND']}/-/ready", timeout=4)
