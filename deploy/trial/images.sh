#!/usr/bin/env bash
# Makes stand-ins for the images of the compose file but Grafana's, under the very names that it uses, from one tree of
# Debian packages, Kafka's published libraries and a caddy built from its module.
#   images.sh tree      Debian's packages as a tree, and caddy; kept in ~/.cache/crs-monitor for the next checkout
#   images.sh build     the images; through `engine.sh enter`
set -euo pipefail
script=$(realpath "$0")
cd "$(dirname "$script")/../.."
packages=ca-certificates,netbase,procps,hostname,libcap2-bin,busybox,python3,python3-venv,openjdk-17-jre-headless
packages+=,postgresql-15,prometheus,prometheus-alertmanager

named() { # IMAGE: its name and tag, as compose file or Dockerfile have them
  if [ "$1" = python ]; then
    echo "python:$(sed -n 's/^ARG PYTHON=//p' deploy/Dockerfile)"
  else
    grep -oE "image: $1:\S+" docker-compose.yml | head -n 1 | cut -d ' ' -f 2
  fi
}

caddy=v$(named caddy | sed -E 's/^caddy:([0-9.]+).*/\1/')
kept="${XDG_CACHE_HOME:-$HOME/.cache}/crs-monitor/trial-$(sha256sum <<<"$packages $caddy" | cut -c1-16)"

makes_tree() {
  [ ! -d "$kept" ] || return 0
  local go mirror unfinished # never half a tree under the final name
  mkdir -p "${kept%/*}"
  unfinished=$(mktemp -d "$kept.XXXXXX")
  # shellcheck disable=SC2064 # this directory, also after the function has ended
  trap "kill \$(jobs -p) 2>/dev/null; wait; rm -rf '$unfinished'" EXIT
  mirror=$(.ci/debian_mirror)
  go=$(.ci/find_go "$unfinished.go" 2>"$unfinished/log") || { cat "$unfinished/log" >&2; exit 1; }
  # Debian's own caddy is older and does not know every setting of our Caddyfile. It runs on another C library than here.
  CGO_ENABLED=0 GOBIN="$unfinished" "$go" install "github.com/caddyserver/caddy/v2/cmd/caddy@$caddy" >"$unfinished/log" 2>&1 &
  local building=$!
  mmdebstrap --quiet --variant=minbase "--include=$packages" bookworm "$unfinished/tree.tar" "$mirror" &
  wait "$!"
  wait "$building" || { cat "$unfinished/log" >&2; exit 1; }
  rm -rf "$unfinished.go"
  mv -T "$unfinished" "$kept" 2>/dev/null || [ -d "$kept" ] # another run was faster
}

builds() {
  [ -d deploy/kafka/libs ] || { echo "deploy/kafka/libs is missing: crs-monitor kafka up fetches it" >&2; exit 2; }
  local context=$PWD/out/trial/context
  docker import --change 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$kept/tree.tar" standin/debian:bookworm >/dev/null
  rm -rf "$context"
  mkdir -p "$context/libs"
  cp deploy/trial/images/* "$context/"
  cp deploy/kafka/libs/*.jar "$context/libs/"
  # The machine's certificates: pip in the product's image meets the same proxy as this machine.
  cp "$kept/caddy" /etc/ssl/certs/ca-certificates.crt "$context/"
  for image in python apache/kafka postgres prom/prometheus prom/alertmanager caddy; do
    # Compose wants a newer BuildKit than an older engine brings; the builder before it says at length that it is old.
    DOCKER_BUILDKIT=0 docker build --quiet --network=none --target "${image##*/}" --tag "$(named "$image")" "$context" \
      >"$context.log" 2>&1 || { cat "$context.log" >&2; exit 1; }
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
