#!/usr/bin/env bash
# Debian's programs that no Python package carries, where this machine lacks them.
#
#     setup/tools.sh [test]     (test: what only tests need, too)
#
# Unpacks the packages into .tools/root instead of installing them: that needs no root, changes
# nothing outside this folder and starts no service. .tools/bin/NAME runs the program from there.
# Never fails: every tool is optional, and the rig skips the cells that need a missing one.
# TOOLS_IGNORE_SYSTEM=1 unpacks even what the machine has (for tests).
set -euo pipefail
cd "$(dirname "$0")/.."
. setup/steps.sh

PATH=$PATH:/usr/sbin:/sbin # an ordinary user's PATH often lacks them
top=$PWD/.tools
log=$top/setup.log
apt=(-o Acquire::Retries=1 -o Acquire::http::Timeout=15 -o APT::Sandbox::User=)
fresh_lists=""

# name, Debian packages, a call that proves it works, what is lost without it
# Postgres last, as it is large; and initdb after it: who finds that finds a whole Postgres
tools="\
pgbouncer|pgbouncer|--version|cells with pooler: pgbouncer
redis-server|redis-tools redis-server|--version|targets with services: [redis]
iptables-legacy|iptables|-j NFQUEUE --help|delays, where the kernel has no netem
ip|iproute2|-Version|looking at what the rig set up
tc|iproute2|-Version|looking at what the rig set up
postgres|postgresql|--version|contrib extensions, no statements counted
initdb|postgresql|--version|contrib extensions, no statements counted"
[ "${1:-}" != test ] || tools="nginx|nginx|-v|test of the load's client against it
docker-registry|docker-registry|--version|test of nodes that take images from one
$tools"

on_machine() {
    [ -z "${TOOLS_IGNORE_SYSTEM:-}" ] || return 1
    case $1 in
        # Debian's stands beside PATH, in folders by version; it is of use with contrib, from 14 on
        postgres | initdb)
            compgen -G "/usr/share/postgresql/1[4-9]/extension/pg_stat_statements.control" >/dev/null ||
                compgen -G "/usr/share/postgresql/[2-9][0-9]/extension/pg_stat_statements.control" >/dev/null
            ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

# Package lists of our own, for an ordinary user, an image without lists, or lists that are stale.
get_fresh_lists() {
    local own=$top/apt
    fresh_lists=tried
    mkdir -p "$own/state/lists/partial" "$own/cache/archives/partial"
    apt+=(-o "Dir::State=$own/state" -o "Dir::Cache=$own/cache"
        -o Dir::State::status=/var/lib/dpkg/status -o Acquire::Languages=none)
    within 120 apt-get "${apt[@]}" -q update
}

download() {
    (cd "$top/debs" && within 60 apt-get "${apt[@]}" -q download "$1")
}

unpack() {
    if ! download "$1"; then
        [ -z "$fresh_lists" ] || return 1
        get_fresh_lists || true # one broken source among several: the others may do
        download "$1" || return 1
    fi
    dpkg-deb -x "$top"/debs/"$1"_*.deb "$top/root"
}

# The package that one without contents stands for: postgresql → postgresql-17. Else itself.
package_behind() {
    local behind
    behind=$(apt-cache "${apt[@]}" depends "$1" 2>/dev/null | sed -n "s/^ *Depends: \($1-[0-9][0-9]*\)$/\1/p")
    echo "${behind:-$1}"
}

libraries_of() {
    apt-cache "${apt[@]}" depends "$@" | sed -n 's/^[ |]*Depends: \(lib[^<> ]*\)$/\1/p' |
        grep -vxE 'libc6|libgcc-s1|libcrypt1|libllvm[0-9]*' | sort -u # LLVM: for a JIT that is off
}

# Folder:folder… of unpacked libraries; never an empty part, which would be the current folder.
library_folders() {
    local folder folders=""
    for folder in "$top"/root/usr/lib/*-linux-gnu* "$top"/root/lib/*-linux-gnu*; do
        if compgen -G "$folder/*.so*" >/dev/null; then folders+=${folders:+:}$folder; fi
    done
    printf '%s' "$folders"
}

program() { find "$top/root" -path "*bin/$1" \( -type f -o -type l \) -print -quit; }

lacks_libraries() { LD_LIBRARY_PATH=$(library_folders) ldd "$1" | grep 'not found'; }

# unpack_with_libraries NAME PACKAGES: these, then what their libraries lack, wave after wave.
unpack_with_libraries() {
    local name=$1 wave=$2 found package
    for package in $wave; do unpack "$package" || return 1; done
    while lacks_libraries "$(program "$name")"; do
        # shellcheck disable=SC2086  # a list of package names
        found=$(libraries_of $wave) wave=""
        for package in $found; do
            compgen -G "$top/debs/${package}_*.deb" >/dev/null && continue
            if unpack "$package"; then wave+=" $package"; fi
        done
        [ -n "$wave" ] || return 1
    done
}

# The paths are worked out when it runs, so that the folder may be moved.
wrapper() {
    local inside folders modules
    inside=$(program "$1")
    folders=$(library_folders)
    modules=$(find "$top/root" -type d -name xtables -print -quit)
    echo '#!/bin/sh'
    echo "# $1 as setup/tools.sh unpacked it."
    echo 'root=$(dirname "$(readlink -f "$0")")/../root'
    [ -z "$folders" ] || echo "export LD_LIBRARY_PATH=\"${folders//$top\/root/\$root}\""
    [ -z "$modules" ] || echo "export XTABLES_LIBDIR=\"${modules/#$top\/root/\$root}\""
    echo "exec \"${inside/#$top\/root/\$root}\" \"\$@\""
}

# provide NAME PACKAGES PROOF...
provide() {
    local name=$1 package packages=""
    if [ -z "$(apt-cache "${apt[@]}" depends "${2%% *}" 2>/dev/null)" ] && [ -z "$fresh_lists" ]; then
        get_fresh_lists || true
    fi
    for package in $2; do packages+=" $(package_behind "$package")"; done
    mkdir -p "$top/bin" "$top/root" "$top/debs"
    unpack_with_libraries "$name" "$packages" || return 1
    wrapper "$name" >"$top/bin/.$name"
    chmod 755 "$top/bin/.$name"
    "$top/bin/.$name" "${@:3}" || return 1
    mv "$top/bin/.$name" "$top/bin/$name"
}

# A machine that cannot reach its sources should not wait for them at every `make`.
gave_up_lately() { [ -n "$(find "$top/gave-up" -mmin -60 2>/dev/null)" ]; }

# Sets `why`: why a tool cannot be had, empty where it now can; and `failed`, if that was tried.
obtain() {
    why=""
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        why="no apt-get here"
    elif gave_up_lately; then
        why="tried within the hour; to try again: rm .tools/gave-up"
    elif [ "$SECONDS" -gt 180 ]; then
        why="the package sources take too long"
    elif [ "$2" = postgresql ] && [ ! -e /usr/share/zoneinfo/Etc/UTC ]; then
        why="Debian's wants time zones: apt install tzdata"
    elif ! provide "$@" >>"$log" 2>&1 </dev/null; then
        why="could not unpack it, see .tools/setup.log"
        failed=yes
    fi
}

alone
mkdir -p "$top"
rm -rf "$top/debs"
failed=""
while IFS='|' read -r name package proof loss; do
    if on_machine "$name" || [ -x "$top/bin/$name" ]; then continue; fi
    # shellcheck disable=SC2086  # the proof is a list of arguments
    obtain "$name" "$package" $proof
    if [ -z "$why" ]; then
        say "$name → .tools/bin (Debian's $package, unpacked)"
    else
        say "no $name ($why); without it no $loss; to have it: apt install $package"
    fi
done <<<"$tools"
[ -z "$failed" ] || touch "$top/gave-up"
rm -rf "$top/apt" "$top/debs"
for name in nsenter unshare setpriv taskset; do
    command -v "$name" >/dev/null || say "no $name; the local backend needs it: apt install util-linux"
done
