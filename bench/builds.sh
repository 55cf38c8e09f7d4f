#!/usr/bin/env bash
# How long the images take: a first build with nothing cached, and a rebuild after touching a view.
# Removes this engine's build cache and the project's images first.
#
#     bench/builds.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export COMPOSE_PROFILES=sync,async,pgbouncer
build() { docker compose -f stack/compose.yaml build --quiet 2>/dev/null; }
docker images -q 'async-django-rig/*' | sort -u | xargs -r docker rmi -f >/dev/null
docker builder prune -af >/dev/null
begun=$(date +%s.%N)
build
echo "first build: $(awk "BEGIN {print $(date +%s.%N) - $begun}") s"
view=django_sync/views.py
cp "$view" "$view.before"
trap 'mv "$view.before" "$view"' EXIT
echo "# touched" >>"$view"
begun=$(date +%s.%N)
build
echo "rebuild after touching a view: $(awk "BEGIN {print $(date +%s.%N) - $begun}") s"
