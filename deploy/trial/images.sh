#!/usr/bin/env bash
# Makes stand-ins for the images of the compose file but Grafana's, under the very names that it uses, from one tree of
# Debian packages, Kafka's published libraries and a caddy built from its module. Through `engine.sh enter`.
#   images.sh tree      once, on the machine itself: Debian's packages as a tree, and caddy
#   images.sh build     the images
set -euo pipefail
script=$(realpath "$0")
cd "$(dirname "$script")/../.."
work=$PWD/out/trial/images
packages=ca-certificates,netbase,procps,hostname,libcap2-bin,busybox,python3,python3-venv,openjdk-17-jre-headless
packages+=,postgresql-15,prometheus,prometheus-alertmanager

named() { # IMAGE: its name and tag, as compose file or Dockerfile have them
  if [ "$1" = python ]; then
    echo "python:$(sed -n 's/^ARG PYTHON=//p' deploy/Dockerfile)"
  else
    grep -oE "image: $1:\S+" docker-compose.yml | head -n 1 | cut -d ' ' -f 2
  fi
}

makes_tree() {
  mkdir -p "$work"
  [ -e "$work/tree.tar" ] || mmdebstrap --quiet --variant=minbase "--include=$packages" bookworm "$work/tree.tar"
  local caddy
  caddy=$(named caddy)
  caddy=v$(sed -E 's/^caddy:([0-9.]+).*/\1/' <<<"$caddy")
  # Debian's own caddy is older and does not know every setting of our Caddyfile.
  [ -e "$work/caddy" ] || GOBIN="$work" go install "github.com/caddyserver/caddy/v2/cmd/caddy@$caddy"
}

builds() {
  [ -d deploy/kafka/libs ] || { echo "deploy/kafka/libs is missing: crs-monitor kafka up fetches it" >&2; exit 2; }
  docker import --change 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$work/tree.tar" standin/debian:bookworm >/dev/null
  local context=$work/context
  rm -rf "$context"
  mkdir -p "$context/libs"
  cp deploy/trial/images/* "$context/"
  cp deploy/kafka/libs/*.jar "$context/libs/"
  # The machine's certificates: pip in the product's image meets the same proxy as this machine.
  cp "$work/caddy" /etc/ssl/certs/ca-certificates.crt "$context/"
  for image in python apache/kafka postgres prom/prometheus prom/alertmanager caddy; do
    DOCKER_BUILDKIT=0 docker build --quiet --network=none --target "${image##*/}" --tag "$(named "$image")" "$context"
  done
}

case "${1:-}" in
  tree) makes_tree ;;
  build) builds ;;
  *)
    sed -n '2,5s/^# \{0,1\}//p' "$script" >&2
    exit 2
    ;;
esac
