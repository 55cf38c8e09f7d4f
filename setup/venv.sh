#!/usr/bin/env bash
# Makes .venv and installs a hash-locked set of packages into it.
#
#     setup/venv.sh LOCK
#
# .venv/ready names the Python, the place and the locks that are installed. It is taken away before
# anything is installed and put back afterwards, so an interrupted set-up begins with a new .venv.
set -euo pipefail
cd "$(dirname "$0")/.."
. setup/steps.sh

lock=$1
deadline_s=${SETUP_DEADLINE_S:-900}
log=.venv/setup.log
wanted="$(sha256sum "$lock")"

# Prints "version real-path" of a Python that fits, nothing of one that does not.
describe() {
    "$1" -c 'import sys
if (3, 11) <= sys.version_info[:2] <= (3, 13):
    print("%d.%d.%d" % sys.version_info[:3], sys.executable)' 2>/dev/null || true
}

# As root the app's processes run as another user, who cannot use a Python in root's home.
everyone_can_run() {
    [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null ||
        setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
            sh -c 'cd / && exec "$0" -c "import json"' "$1" 2>/dev/null
}

find_python() {
    local name found path without_venv="" only_root=""
    for name in python3 python3.13 python3.12 python3.11; do
        for found in $(type -aP "$name" || true); do
            path=$(describe "$found")
            path=${path#* }
            [ -n "$path" ] || continue
            if ! "$path" -c 'import ensurepip, venv' 2>/dev/null; then
                without_venv=${without_venv:-$path}
            elif ! everyone_can_run "$path"; then
                only_root=${only_root:-$path}
            else
                echo "$path"
                return
            fi
        done
    done
    if [ -n "$only_root" ]; then
        say "only root can run $only_root; parts that run as another user may fail" >&2
        echo "$only_root"
    elif [ -n "$without_venv" ]; then
        die "$without_venv cannot make virtual environments: $(venv_package "$without_venv")"
    else
        die "no Python 3.11, 3.12 or 3.13 on PATH (python3 is $(python3 --version 2>&1 ||
            true)): apt install python3 python3-venv, or put one on PATH"
    fi
}

venv_package() {
    if [ "$1" -ef /usr/bin/python3 ]; then
        echo "apt install python3-venv"
    else
        echo "apt install python$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
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

explain() {
    tail -n 40 "$log" >&2
    if [ "$1" = 124 ]; then
        die "not done after $deadline_s s; with a slow network: SETUP_DEADLINE_S=3600 make …"
    fi
    die "could not install $lock (above: the end of $log)"
}

alone
here="$(describe .venv/bin/python) $PWD"
ready=$(cat .venv/ready 2>/dev/null || true)
if [ "${ready%%$'\n'*}" = "$here" ] && grep -qxF "$wanted" <<<"$ready"; then
    exit 0
fi
rm -f .venv/ready

if [ "${ready%%$'\n'*}" != "$here" ]; then
    python=$(find_python)
    rm -rf .venv
    mkdir .venv
    say "Python $(describe "$python") → .venv"
    within 120 "$python" -m venv .venv >"$log" 2>&1 || explain $?
    here="$(describe .venv/bin/python) $PWD"
    ready=$here
fi

options=(--require-hashes --no-input --disable-pip-version-check --progress-bar off)
if [ "$(uname -m)" = x86_64 ]; then
    options+=(--only-binary ":all:")
else
    need_compiler
fi
say "packages of $lock → .venv (about half a minute)"
SECONDS=0
PIP_USER=0 within "$deadline_s" .venv/bin/python -m pip install "${options[@]}" -r "$lock" \
    >>"$log" 2>&1 || explain $?
say "installed in $SECONDS s"

# Nothing but this lock and those before it: a lock that changed is named once, with its new hash.
{
    grep -vF "  $lock" <<<"$ready"
    echo "$wanted"
} >.venv/ready.new
mv .venv/ready.new .venv/ready
