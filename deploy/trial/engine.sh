#!/usr/bin/env bash
# A Docker engine in network and mount namespaces of its own: the machine's firewall rules, ports, default socket and
# settings of another Docker stay as they are. As root on Debian.
#   engine.sh start              starts it; its files are under out/trial/engine
#   engine.sh enter COMMAND...   runs a command beside it: its ports on 127.0.0.1, its socket in DOCKER_HOST
#   engine.sh stop               stops it and all containers; images stay for the next start
set -euo pipefail
script=$(realpath "$0")
cd "$(dirname "$script")/../.."
here=$PWD/out/trial/engine
socket="unix://$here/docker.sock"
group=crs-trial

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

starts_namespaces() { # one process holds them open; its name says whose it is
  # shellcheck disable=SC2016 # the inner shell expands it
  setsid unshare --net --mount --propagation private bash -c 'echo $$ >"$0/holder.pid"; exec -a "$0/holder" sleep infinity' \
    "$here" </dev/null >/dev/null 2>&1 &
  waits_for 10 test -s "$here/holder.pid"
  inside ip link set lo up
  # A Docker that runs on this machine has its containerd and its settings there.
  mkdir -p /run/containerd /etc/docker
  inside mount -t tmpfs tmpfs /run/containerd
  inside mount -t tmpfs tmpfs /etc/docker
}

starts_network() { # to the outside through a user-space network; the machine's own loopback is out of reach
  setsid slirp4netns --configure --mtu=1400 --disable-host-loopback "$(cat "$here/holder.pid")" tap0 \
    </dev/null >"$here/slirp.log" 2>&1 &
  echo $! >"$here/slirp.pid"
  waits_for 10 routed
  echo 'nameserver 10.0.2.3' >"$here/resolv.conf"
  inside mount --bind "$here/resolv.conf" /etc/resolv.conf
}

routed() { inside ip route | grep -q default; }

starts_engine() {
  rm -f "$here/docker.pid"
  weighs
  setsid nsenter -t "$(cat "$here/holder.pid")" -n -m dockerd --host "$socket" --data-root "$here/data" \
    --exec-root "$here/exec" --pidfile "$here/docker.pid" --mtu 1400 --cgroup-parent "/$group" \
    --exec-opt native.cgroupdriver=cgroupfs </dev/null >"$here/dockerd.log" 2>&1 &
  waits_for 60 docker --host "$socket" info || { tail -n 20 "$here/dockerd.log" >&2; return 1; }
}

weighs() { # all containers together would weigh as much as one process: on a busy machine they need the weight of several
  local cgroups=/sys/fs/cgroup
  if [ -e "$cgroups/cpu/cpu.shares" ]; then # version 1
    mkdir -p "$cgroups/cpu/$group"
    echo 8192 >"$cgroups/cpu/$group/cpu.shares"
  elif [ -e "$cgroups/cgroup.controllers" ]; then
    mkdir -p "$cgroups/$group"
    if [ -e "$cgroups/$group/cpu.weight" ]; then echo 800 >"$cgroups/$group/cpu.weight"; fi
  fi
}

is() { # PROCESS WORDS: whether the process runs with these words in its command: its number may be another's by now
  tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "$2"
}

stops() { # NAME WORDS: ends the process of this name and waits until it is gone
  local process
  process=$(cat "$here/$1.pid" 2>/dev/null) || return 0
  if is "$process" "$2"; then
    kill "$process" 2>/dev/null || true
    waits_for 90 gone "$process" || kill -KILL "$process" 2>/dev/null || true
  fi
  rm -f "$here/$1.pid"
}

gone() { ! kill -0 "$1" 2>/dev/null; }

stops_all() {
  local holder
  holder=$(cat "$here/holder.pid" 2>/dev/null || true)
  if [ -e "$here/docker.pid" ]; then # at once: their grace would be longer than anybody waits
    docker --host "$socket" ps --quiet 2>/dev/null | xargs -r docker --host "$socket" kill >/dev/null 2>&1 || true
  fi
  stops docker "$here/docker.pid"
  if [ -n "$holder" ] && is "$holder" "$here/holder"; then
    stops slirp "slirp4netns --configure --mtu=1400 --disable-host-loopback $holder"
    ends_all_beside "$holder"
  fi
  rm -f "$here/slirp.pid" "$here/holder.pid"
  rmdir "/sys/fs/cgroup/$group" /sys/fs/cgroup/*/"$group" 2>/dev/null || true
}

ends_all_beside() { # HOLDER: every process in its mount namespace, itself too
  local namespace process
  namespace=$(readlink "/proc/$1/ns/mnt")
  for process in /proc/[0-9]*; do
    if [ "$(readlink "$process/ns/mnt" 2>/dev/null)" = "$namespace" ]; then kill -KILL "${process#/proc/}" 2>/dev/null || true; fi
  done
}

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
