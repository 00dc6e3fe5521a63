#!/usr/bin/env bash
# The whole: engine, images, compose system, `verify`, a killed worker, `verify` again; everything is removed at the end.
# As root on Debian, in a checkout with its .venv (`make`). Passwords are made for this run and forgotten.
set -euo pipefail
cd "$(dirname "$0")/../.."
began=$SECONDS
step() { echo "$((SECONDS - began)) s: $*"; }
beside() { deploy/trial/engine.sh enter "$@"; }
compose() { beside .venv/bin/docker-compose -f docker-compose.yml -f deploy/trial/without-grafana.yml "$@"; }

ends() {
  compose down --volumes || true
  deploy/trial/engine.sh stop
}

for name in CRS_DB_PASSWORD CRS_READER_PASSWORD CRS_GRAFANA_PASSWORD CRS_BOARD_TOKEN CRS_REFERENCE_SECRET; do
  export "$name=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')"
done
export DOCKER_BUILDKIT=0 # compose builds with a newer BuildKit than an older engine brings

deploy/trial/images.sh tree
step "Debian's tree and caddy"
deploy/trial/engine.sh start
trap ends EXIT
step "engine"
beside deploy/trial/images.sh build
step "stand-ins"
beside docker build --quiet --file deploy/Dockerfile --tag crs-monitor:0.1.0 .
step "the product's image"
compose up --detach --wait --no-build
step "every part is ready"
compose exec -T board crs-monitor verify
compose kill worker-1
compose up --detach --wait --no-build
compose exec -T board crs-monitor verify
step "verify found no difference, also after a kill"
