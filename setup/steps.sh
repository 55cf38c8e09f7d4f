# shellcheck shell=bash
# What the set-up scripts share; they source it from the repository's top folder.

umask 022 # as root, Postgres and the app run as another user, who must be able to read all this

say() { printf 'setup: %s\n' "$*"; }

die() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

trap 'exit 130' INT # without the end of the log: it was wanted

# One set-up at a time: two `make` in one folder would install over each other.
alone() {
    command -v flock >/dev/null || return 0
    exec 9<setup
    flock -w 900 9 || die "another set-up has been at work in $PWD for 15 minutes: end it, then try again"
}

# within SECONDS COMMAND...: status 124 when the time is up; Ctrl-C still reaches the command.
within() {
    local seconds=$1
    shift
    timeout --foreground --kill-after=10 "$seconds" "$@" 9<&-
}
