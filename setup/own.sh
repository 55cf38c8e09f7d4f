#!/usr/bin/env bash
# Makes /own/venv inside an image build: a project's packages, then the servers beside them, which
# change none of its versions. /own/project has requirements.txt and constraints.txt.
#
#     own.sh PYTHON DRIVERS SERVER...     PYTHON: what uv is asked for, or the image's own
set -euo pipefail
cd /packages
if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi
if [ -s /run/secrets/index ]; then PIP_INDEX_URL=$(cat /run/secrets/index) && export PIP_INDEX_URL; fi
. setup/steps.sh
. setup/uv.sh

find_uv /usr/bin/python3
export UV_PYTHON_DOWNLOADS=automatic UV_PYTHON_INSTALL_DIR=/own/pythons
python=$1 drivers=$2
shift 2
say "own: Python"
"$uv" venv --quiet --python "$python" /own/venv
install=("$uv" pip install --quiet --python /own/venv/bin/python)
say "own: project"
"${install[@]}" -r /own/project/requirements.txt -c /own/project/constraints.txt
"$uv" pip freeze --python /own/venv/bin/python | grep == >/own/constraints.txt || true
if ! grep -qiE "^($drivers)==" /own/constraints.txt; then
    if grep -qiE '^django==([123]|4\.[01])(\.|$)' /own/constraints.txt; then
        set -- "$@" psycopg2-binary
    else
        set -- "$@" 'psycopg[binary,pool]'
    fi
elif grep -qi '^psycopg==' /own/constraints.txt; then
    set -- "$@" psycopg-pool
fi
grep -qi '^setuptools==' /own/constraints.txt || set -- "$@" 'setuptools<81'
if [[ " $* " == *" uvicorn "* ]] && grep -qiE '^gunicorn==(1[0-9]|20)\.' /own/constraints.txt; then
    set -- "$@" 'uvicorn<0.36'
fi
say "own: servers"
sed 's/^/own: has /' /own/constraints.txt
[ $# = 0 ] || "${install[@]}" --compile-bytecode -c /own/constraints.txt "$@"
rm -rf .tools
