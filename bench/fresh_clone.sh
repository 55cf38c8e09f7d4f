#!/usr/bin/env bash
# Fresh clone to first figure: how long `make run` takes with nothing set up, and how many of the
# quick profile's trials are valid at the first attempt.
#
#     bench/fresh_clone.sh            (removes the clone afterwards; KEEP=1 keeps it)
#
# Downloads packages unless pip's cache has them; XDG_CACHE_HOME is an empty folder, so that the
# posts are seeded too.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
box=$(mktemp -d)
[ -n "${KEEP:-}" ] || trap 'rm -rf "$box"' EXIT
git clone --quiet "$root" "$box/clone"
export XDG_CACHE_HOME=$box/cache
begun=$SECONDS
make --no-print-directory -C "$box/clone" run
echo "fresh clone to figure: $((SECONDS - begun)) s"
python3 - "$box"/clone/results/*/*/derived/trials.csv <<'EOF'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
valid = sum(row["verdict"] == "valid" and row["attempt"] == "1" for row in rows)
print(f"valid at the first attempt: {valid} of {len(rows)}")
EOF
