#!/usr/bin/env bash
# Writes uv.lock from pyproject.toml, for Python 3.11 to 3.14 alike.
#
#     setup/lock.sh [--upgrade]
#
# The lock has names, versions, file names and hashes. Places are taken out, so that whoever
# installs takes them from an index of their own.
set -euo pipefail
cd "$(dirname "$0")/.."
. setup/steps.sh
. setup/uv.sh

# The hashes must be those of the public index's files, whatever this machine is set to.
unset UV_INDEX UV_DEFAULT_INDEX UV_FIND_LINKS

python=$(command -v python3)
find_uv "$python"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp pyproject.toml "$scratch"
cp uv.lock "$scratch" 2>/dev/null || true # its versions stay where they can
within 300 "$uv" lock --quiet --project "$scratch" "$@"
sed -E -e 's#url = "[a-z]+://[^"]*/([^/"]+)"#url = "https://index.invalid/\1"#' \
    -e 's#registry = "[a-z]+://[^"]*"#registry = "https://index.invalid/simple"#' \
    "$scratch/uv.lock" >"$scratch/uv.lock.new"
if grep -oE '[a-z]+://[^/"]+' "$scratch/uv.lock.new" | grep -vxF https://index.invalid; then
    die "uv.lock names a place (above)"
fi
mv "$scratch/uv.lock.new" uv.lock
say "uv.lock: $(grep -c '^\[\[package\]\]' uv.lock) packages"
