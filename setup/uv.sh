# shellcheck shell=bash
# Finds uv, or fetches the locked one with pip; and what is done with it. The set-up scripts source
# it after steps.sh, from the repository's top folder.
#
# An index, certificates and a proxy are taken from where pip takes them.

export UV_NO_CONFIG=1 UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 UV_LINK_MODE=copy
export UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-${PIP_DEFAULT_TIMEOUT:-60}}
[ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE=$PIP_CERT
[ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}
[ -z "${PIP_EXTRA_INDEX_URL:-}" ] || export UV_INDEX=${UV_INDEX:-$PIP_EXTRA_INDEX_URL}
cache=${UV_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nowhere}/.cache}/uv}
if ! mkdir -p "$cache" 2>/dev/null || ! [ -w "$cache" ]; then
    cache=$PWD/.tools/uv-cache # a home that cannot be written
fi
export UV_CACHE_DIR=$cache

# find_uv PYTHON: sets `uv`: $UV, the one on PATH, or the one that uv.lock names, in .tools/uv.
find_uv() {
    local python=$1 pip found wanted
    for found in ${UV:-} $(type -aP uv || true) .tools/uv/bin/uv; do
        # an older one may not read the lock
        if "$found" export --frozen --quiet --only-group setup >/dev/null 2>&1; then
            uv=$found
            return
        fi
    done
    wanted=$(locked_uv "$python")
    say "uv → .tools/uv"
    rm -rf .tools/uv
    mkdir -p .tools/uv || die "$PWD/.tools/uv cannot be made: is the folder yours, is there room?"
    # pip and not the venv's own: a Python may have pip and no ensurepip
    if "$python" -m pip --version >/dev/null 2>&1; then
        pip=("$python" -m pip)
    elif "$python" -m venv .tools/uv/pip >/dev/null 2>&1; then
        pip=(.tools/uv/pip/bin/python -m pip)
    else
        rm -rf .tools/uv
        die "neither uv nor pip is here: apt install python3-pip, or put uv on PATH"
    fi
    printf '%s\n' "$wanted" >.tools/uv/requirements.txt
    PIP_USER=0 within 300 "${pip[@]}" install --quiet --no-input --disable-pip-version-check \
        --require-hashes --only-binary :all: --target .tools/uv -r .tools/uv/requirements.txt \
        >.tools/setup-uv.log 2>&1 ||
        explain $? .tools/setup-uv.log "could not fetch uv with pip; or put uv on PATH"
    uv=$PWD/.tools/uv/bin/uv
}

# locked_uv PYTHON: the line of a requirements file for the uv that uv.lock names.
locked_uv() {
    "$1" -c 'import tomllib
for package in tomllib.load(open("uv.lock", "rb"))["package"]:
    if package["name"] == "uv":
        hashes = [wheel["hash"] for wheel in package["wheels"]]
        print("uv==" + package["version"], *(f"--hash={one}" for one in hashes))'
}

# Whether uv.lock fits pyproject.toml, as "$1" sees it. Of no index: the lock has all there is to know.
fits() {
    UV_INDEX='' UV_DEFAULT_INDEX=https://index.invalid/simple \
        "$1" lock --check --offline --python "$2" >/dev/null 2>&1
}

# install_locked VENV OPTION...: just these packages of uv.lock, nothing else, with their hashes.
# By way of a requirements file: uv.lock names no place, so that any index serves.
install_locked() {
    local venv=$1 build=$2
    shift 2
    "$uv" export --frozen --quiet --no-emit-project "$@" --output-file "$venv/requirements.txt" &&
        within "${deadline_s:-900}" "$uv" pip sync --require-hashes --strict --compile-bytecode "$build" \
            ${PIP_FIND_LINKS:+--find-links "$PIP_FIND_LINKS"} \
            --python "$venv/bin/python" "$venv/requirements.txt"
}
