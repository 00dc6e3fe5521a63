#!/usr/bin/env bash
# A Docker engine in network and mount namespaces of its own: the machine's firewall rules, ports and default socket stay
# as they are. As root on Debian.
#   engine.sh start              starts it; its files are under out/trial/engine
#   engine.sh enter COMMAND...   runs a command beside it: its ports on 127.0.0.1, its socket in DOCKER_HOST
#   engine.sh stop               stops it and all containers
set -euo pipefail
script=$(realpath "$0")
cd "$(dirname "$script")/../.."
here=$PWD/out/trial/engine
socket="unix://$here/docker.sock"

inside() { nsenter -t "$(cat "$here/holder.pid")" -n -m --wdns="$PWD" "$@"; }

waits_for() { # SECONDS COMMAND...: until the command succeeds
  local tries=$(($1 * 10))
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "waited in vain for: $*; see $here" >&2; return 1; }
    sleep 0.1
  done
}

starts_namespaces() { # one process holds them open
  # shellcheck disable=SC2016 # the inner shell expands it
  unshare --net --mount --propagation private sh -c 'echo $$ >"$0/holder.pid"; exec sleep infinity' "$here" \
    </dev/null >/dev/null 2>&1 &
  waits_for 10 test -s "$here/holder.pid"
  inside ip link set lo up
}

starts_network() { # to the outside through a user-space network; the machine's own loopback is out of reach
  slirp4netns --configure --mtu=1400 --disable-host-loopback "$(cat "$here/holder.pid")" tap0 \
    </dev/null >"$here/slirp.log" 2>&1 &
  echo $! >"$here/slirp.pid"
  waits_for 10 routed
  echo 'nameserver 10.0.2.3' >"$here/resolv.conf"
  inside mount --bind "$here/resolv.conf" /etc/resolv.conf
}

routed() { inside ip route | grep -q default; }

starts_engine() {
  inside dockerd --host "$socket" --data-root "$here/data" --exec-root "$here/exec" --pidfile "$here/docker.pid" \
    --mtu 1400 --exec-opt native.cgroupdriver=cgroupfs </dev/null >"$here/dockerd.log" 2>&1 &
  waits_for 60 docker --host "$socket" info
  # All containers together weigh as much as one process of the machine: on a busy one they need the weight of several.
  # The first container would make the group (version 1) with the usual weight.
  local group=/sys/fs/cgroup/cpu/docker
  if mkdir -p "$group" 2>/dev/null && [ -e "$group/cpu.shares" ]; then echo 8192 >"$group/cpu.shares"; fi
}

stops() { # NAME PROGRAM: the process of this name, and waits until it is gone; another program may have its number now
  local process
  process=$(cat "$here/$1.pid" 2>/dev/null) || return 0
  if ! grep -qa "$2" "/proc/$process/cmdline" 2>/dev/null; then
    rm -f "$here/$1.pid"
    return 0
  fi
  kill "$process" 2>/dev/null || true
  waits_for 60 gone "$process" || kill -KILL "$process" 2>/dev/null || true
  rm -f "$here/$1.pid"
}

stops_all() {
  stops docker dockerd
  stops slirp slirp4netns
  stops holder sleep
}

gone() { ! kill -0 "$1" 2>/dev/null; }

case "${1:-}" in
  start)
    [ ! -e "$here/holder.pid" ] || { echo "$here/holder.pid exists: it runs, or stop it first" >&2; exit 2; }
    mkdir -p "$here"
    trap stops_all EXIT
    starts_namespaces
    starts_network
    starts_engine
    trap - EXIT
    ;;
  enter)
    shift
    exec nsenter -t "$(cat "$here/holder.pid")" -n -m --wdns="$PWD" env DOCKER_HOST="$socket" "$@"
    ;;
  stop)
    stops_all
    ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$script" >&2
    exit 2
    ;;
esac
