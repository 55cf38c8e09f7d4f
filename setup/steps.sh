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

# explain STATUS LOG WHAT: ends with one line that says why, and where the rest stands.
explain() {
    local why do
    [ "$1" != 124 ] || die "$3: not done in time; with a slow network: SETUP_DEADLINE_S=3600 make …"
    why=$(grep -iE 'no space|error|cause|denied|hash|timed out|refused' "$2" | tail -n 1 || true)
    case $(tr '[:upper:]' '[:lower:]' <"$2") in
        *"no space left"* | *"os error 28"*) do="make room on the disk of $PWD, then try again" ;;
        *"hash mismatch"* | *"hashes required"* | *"do not match the hash"*)
            do="a package is not the one that was locked: check the index" ;;
        *certificate*) do="the index's certificate is not known: set PIP_CERT" ;;
        *"dns error"* | *"failed to fetch"* | *"could not connect"* | *"connection"* | *"retries"* | *"resolution"* | *"no matching distribution"*)
            do="the package index cannot be reached: check the network, HTTPS_PROXY and PIP_INDEX_URL" ;;
        *) do="the whole of it: $2" ;;
    esac
    die "$3: ${why:-no reason given}; $do"
}
