#!/usr/bin/env bash
# Locks the packages with their hashes, for Python 3.11 to 3.13 alike.
#
#     setup/lock.sh [--upgrade]
#
# Needs uv: the one on PATH, or UV=/path/to/uv, or one installed into .tools/uv.
set -euo pipefail
cd "$(dirname "$0")/.."
. setup/steps.sh

# The hashes must be those of the public registry's files, whatever this machine is set to.
unset UV_INDEX UV_INDEX_URL UV_DEFAULT_INDEX UV_EXTRA_INDEX_URL UV_FIND_LINKS

uv=${UV:-$(command -v uv || true)}
if [ -z "$uv" ]; then
    [ -x .venv/bin/python ] || die "no .venv and no uv: make setup"
    say "uv → .tools/uv"
    .venv/bin/python -m venv .tools/uv
    within 300 .tools/uv/bin/python -m pip install -q uv
    uv=.tools/uv/bin/uv
fi

compile() {
    within 300 "$uv" pip compile --quiet --no-config --universal --fork-strategy fewest \
        --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
        --custom-compile-command "make lock" "${@:3}" "$1" --output-file "$2"
    if grep -nE '://|^ *-[^-]|^--|^[^# ]*/' "$2"; then
        die "$2 names a place (above); a lock has only names, versions and hashes"
    fi
    say "$2: $(grep -c '^[a-z0-9].*==' "$2") packages"
}

compile requirements/runtime.in requirements.lock "$@"
compile requirements/dev.in requirements-dev.lock "$@"
compile requirements/app.in requirements-app.lock "$@"
compile requirements/load.in requirements-load.lock "$@"
