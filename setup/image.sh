#!/usr/bin/env bash
# Makes /venv with one group of uv.lock, inside an image build. A company's certificates and index
# come as build secrets, so that neither is left in the image or in its history.
#
#     setup/image.sh app|load
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi
if [ -s /run/secrets/index ]; then PIP_INDEX_URL=$(cat /run/secrets/index) && export PIP_INDEX_URL; fi
. setup/steps.sh
. setup/uv.sh

find_uv /usr/bin/python3
"$uv" venv --quiet --python /usr/bin/python3 /venv
# some machines have no wheel of hdrhistogram: the load image then needs a compiler
install_locked /venv "${BUILD:---no-build}" --only-group "$1"
rm -rf .tools
