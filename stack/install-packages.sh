#!/bin/sh
# Makes /venv from a hash-locked file, inside an image build. A company's certificates and index
# come as build secrets, so that neither is left in the image or in its history.
set -eu
python3 -m venv /venv
if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi
if [ -s /run/secrets/index ]; then PIP_INDEX_URL=$(cat /run/secrets/index) && export PIP_INDEX_URL; fi
/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r "$1"
