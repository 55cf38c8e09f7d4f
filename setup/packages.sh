#!/usr/bin/env bash
# Makes .venv and installs the packages that uv.lock names, with their hashes.
#
#     setup/packages.sh run|test
#
# .venv/ready names the Python, the place and the lock that is installed, and for what. It is taken
# away before anything is installed, so an interrupted set-up begins again.
set -euo pipefail
cd "$(dirname "$0")/.."
. setup/steps.sh
. setup/uv.sh

case ${1:-} in
    run) groups=(--no-default-groups) ;;
    test) groups=(--group test) ;;
    *) die "setup/packages.sh run, or setup/packages.sh test" ;;
esac
deadline_s=${SETUP_DEADLINE_S:-900}
log=.venv/setup.log

# Prints "version real-path" of a Python that fits, nothing of one that does not.
describe() {
    "$1" -c 'import sys
if (3, 11) <= sys.version_info[:2] <= (3, 14):
    print("%d.%d.%d" % sys.version_info[:3], sys.executable)' 2>/dev/null || true
}

# As root the app's processes run as another user, who cannot use a Python in root's home.
everyone_can_run() {
    [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null ||
        setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
            sh -c 'cd / && exec "$0" -c "import json"' "$1" 2>/dev/null
}

find_python() {
    local name found path only_root=""
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        for found in $(type -aP "$name" || true); do
            path=$(describe "$found")
            path=${path#* }
            [ -n "$path" ] || continue
            if everyone_can_run "$path"; then
                echo "$path"
                return
            fi
            only_root=${only_root:-$path}
        done
    done
    if [ -n "$only_root" ]; then
        say "only root can run $only_root; parts that run as another user may fail" >&2
        echo "$only_root"
    else
        die "no Python 3.11 to 3.14 on PATH (python3 is $(python3 --version 2>&1 ||
            true)): apt install python3, or put one on PATH"
    fi
}

# hdrhistogram is the one package without wheels for every machine.
need_compiler() {
    local headers='import os, sys, sysconfig
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
    if ! command -v cc >/dev/null || ! .venv/bin/python -c "$headers"; then
        die "hdrhistogram is built from source on $(uname -m): apt install gcc python3-dev"
    fi
}

alone
here="$(describe .venv/bin/python) $PWD"
wanted="$(sha256sum uv.lock)"
ready=$(cat .venv/ready 2>/dev/null || true)
# what the tests need holds all that a run needs
if [ "$ready" = "$here test $wanted" ] || [ "$ready" = "$here $1 $wanted" ]; then
    # targets with a Python of their own need it, too
    type -P ${UV:-uv} >/dev/null || [ -x .tools/uv/bin/uv ] || find_uv "$(find_python)"
    exit 0
fi
made=${ready% run *}
made=${made% test *}

python=$(find_python)
find_uv "$python"
fits "$uv" "$python" || die "uv.lock does not fit pyproject.toml: make lock"
if [ "$made" != "$here" ]; then
    rm -rf .venv || die "$PWD/.venv cannot be removed: is the folder yours?"
    say "Python $(describe "$python") → .venv"
    mkdir .venv 2>/dev/null || die "$PWD/.venv cannot be made: is the folder yours, is there room?"
    within 120 "$uv" venv --quiet --allow-existing --python "$python" .venv >"$log" 2>&1 ||
        explain $? "$log" "could not make .venv"
    here="$(describe .venv/bin/python) $PWD"
else
    rm -f .venv/ready
fi
build=--no-build
if [ "$(uname -m)" != x86_64 ]; then
    need_compiler
    build=--no-build-package=none
fi
say "packages of uv.lock → .venv"
SECONDS=0
install_locked .venv "$build" "${groups[@]}" >>"$log" 2>&1 ||
    explain $? "$log" "could not install the packages of uv.lock"
say "installed in $SECONDS s"
if ! { echo "$here $1 $wanted" >.venv/ready.new && mv .venv/ready.new .venv/ready; } 2>/dev/null; then
    die "$PWD/.venv cannot be written: is there room?"
fi
