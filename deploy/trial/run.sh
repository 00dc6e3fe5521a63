#!/usr/bin/env bash
# The container test (`make containers`): an engine of its own, stand-ins for the images, the product's image, the tests
# of tests/containers. As root on Debian, in a checkout with its .venv. Everything is removed at the end.
# Each stage has a limit, and the whole has one; quiet: what a stage takes on two quiet cores. Eight minutes in all, and two
# more the first time on a machine, for the packages.
set -euo pipefail
cd "$(dirname "$0")/../.."
began=$SECONDS
if [ -n "${TEST_TURN:-}" ]; then whole=840 system=600; else whole=1500 system=1260; fi # two of the eight faults, or all
table=""
slowest=""
over=0

beside=(deploy/trial/engine.sh enter)

fails() {
  echo "THE CONTAINER TEST $1" >&2
  exit 1
}

stage() { # NAME QUIET LIMIT COMMAND...: seconds; a stage over its limit is ended and fails the whole
  local name=$1 quiet=$2 limit=$3 start=$SECONDS code=0 left
  shift 3
  left=$((whole - SECONDS + began))
  if ((left < limit)); then limit=$((left > 0 ? left : 1)); fi
  echo "== $name (about $quiet s, at most $limit s)"
  timeout --foreground --kill-after=20 "$limit" "$@" 9>&- || code=$?
  local took=$((SECONDS - start))
  table+=$(printf '%-16s %4d s  quiet %4d s' "$name" "$took" "$quiet")$'\n'
  if ((took - quiet > over)); then over=$((took - quiet)) slowest=$name; fi
  case $code in
    0) ;;
    124 | 137) fails "IS RED: stage '$name' took more than its limit of $limit s" ;;
    *) fails "IS RED: stage '$name' failed with exit code $code" ;;
  esac
}

ends() {
  local code=$?
  deploy/trial/engine.sh stop
  printf '== stages\n%s%s s in all\n' "$table" "$((SECONDS - began))"
  if ((SECONDS - began > 480)); then echo "over eight minutes, most of all in: $slowest"; fi
  exit "$code"
}

[ "$(id -u)" -eq 0 ] || fails "CANNOT RUN HERE: not root"
for program in dockerd docker ip iptables nsenter slirp4netns mmdebstrap chromium; do
  command -v "$program" >/dev/null || fails "CANNOT RUN HERE: $program is missing: .ci/install, or deploy/trial/README.md"
done
unshare --net --mount --propagation private true || fails "CANNOT RUN HERE: no namespaces of its own: unshare failed"

mkdir -p out/trial
exec 9>out/trial/lock # no daemon keeps it: each stage closes it
flock -n 9 || fails "CANNOT RUN HERE: it runs in this checkout already"
# A run that was killed may have left its engine.
deploy/trial/engine.sh stop
trap ends EXIT
stage "packages" 110 360 deploy/trial/images.sh tree
stage "engine" 3 60 deploy/trial/engine.sh start
stage "stand-ins" 20 150 "${beside[@]}" deploy/trial/images.sh build
version=$(sed -n 's/^  image: crs-monitor:\(\S*\).*/\1/p' docker-compose.yml)
stage "our image" 30 240 "${beside[@]}" env DOCKER_BUILDKIT=0 docker build --quiet --file deploy/Dockerfile --tag "crs-monitor:$version" .
# Ryuk would remove what testcontainers leaves; here the engine goes with all that it has.
pytest=(env TESTCONTAINERS_RYUK_DISABLED=true .venv/bin/python -m pytest --containers --durations=30 --durations-min=1 -p no:cacheprovider)
# They mostly wait: several at once.
stage "Kafka" 80 300 "${beside[@]}" "${pytest[@]}" --numprocesses 4 --dist load tests/containers/test_kafka_in_docker.py tests/worker/test_on_kafka.py
stage "system" 320 "$system" "${beside[@]}" "${pytest[@]}" tests/containers/test_compose_system.py tests/containers/test_sabotages.py
