#!/usr/bin/env bash
# keeper - a containerd and a dockerd below FOLDER for as long as standard input is open. Then they,
# their containers, mounts and bridges go, and the folder with them: also when the test at the other
# end has panicked or was killed. Says "ready" on standard output, or why it is not.
#
# keeper FOLDER NAME GATEWAY/BITS POOL/BITS PORT
set -uo pipefail
# What ends a test program by the keyboard must not end the cleaning up.
trap '' INT HUP TERM

folder=$1 name=$2 gateway=$3 pool=$4 port=$5
export DOCKER_HOST=unix://$folder/docker.sock
unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH
containerd_pid= dockerd_pid=

stop() {  # stop PID SECONDS: asked to end, and made to when it does not
  [ -n "$1" ] || return 0
  kill -TERM "$1" 2> /dev/null
  for _ in $(seq $(($2 * 10))); do kill -0 "$1" 2> /dev/null || break; sleep 0.1; done
  kill -KILL "$1" 2> /dev/null
  wait "$1" 2> /dev/null
}

clean() {
  if [ -n "$dockerd_pid" ] && kill -0 "$dockerd_pid" 2> /dev/null; then
    docker ps --all --quiet | xargs -r timeout 60 docker rm --force --volumes > /dev/null
    timeout 20 docker network prune --force > /dev/null
  fi
  stop "$dockerd_pid" 20
  stop "$containerd_pid" 10
  # A shim outlives both when they were made to end; its socket's name tells whose it is.
  local pid
  for pid in $(pgrep -f -- "-address $folder/containerd.sock"); do kill -KILL "$pid"; done
  ip link delete "$name" 2> /dev/null
  local mount
  while mount=$(awk -v at="$folder/" 'index($5, at) == 1 { last = $5 } END { print last }' /proc/self/mountinfo)
        [ -n "$mount" ]; do
    umount --lazy "$mount" || break
  done
  find /sys/fs/cgroup -depth -type d -path "*/$name*" -exec rmdir {} + 2> /dev/null
  rm -rf "$folder"
}

fail() {
  echo "$1"
  tail -n 20 "$folder"/*.log
  clean
  exit 1
}

mkdir -p "$folder/containerd" "$folder/data" "$folder/run"
{
  ip link add "$name" type bridge && ip address add "$gateway" dev "$name" && ip link set "$name" up
} > "$folder/bridge.log" 2>&1 || fail "no bridge"

cat > "$folder/containerd.toml" << TEXT
version = 2
root = "$folder/containerd"
state = "$folder/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "$folder/containerd.sock"
TEXT
containerd --config "$folder/containerd.toml" < /dev/null > "$folder/containerd.log" 2>&1 &
containerd_pid=$!
for _ in $(seq 300); do [ -S "$folder/containerd.sock" ] && break; sleep 0.1; done

# Nothing of the machine's own: no rules of its firewall, no settings of its daemon.
echo '{}' > "$folder/daemon.json"
dockerd --config-file "$folder/daemon.json" --data-root "$folder/data" --exec-root "$folder/run" \
  --pidfile "$folder/docker.pid" --containerd "$folder/containerd.sock" \
  --host "$DOCKER_HOST" --host "tcp://127.0.0.1:$port" --tlsverify --tlscacert "$folder/certificates/ca.pem" \
  --tlscert "$folder/certificates/server-cert.pem" --tlskey "$folder/certificates/server-key.pem" \
  --bridge "$name" --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
  --default-address-pool "base=$pool,size=25" \
  --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$name" --shutdown-timeout 5 \
  < /dev/null > "$folder/dockerd.log" 2>&1 &
dockerd_pid=$!
for _ in $(seq 600); do
  docker version > /dev/null 2>&1 && break
  kill -0 "$dockerd_pid" 2> /dev/null || fail "dockerd has ended"
  sleep 0.1
done
docker version > "$folder/version.log" 2>&1 || fail "dockerd is mute"
echo ready
exec 1>&- 
cat > /dev/null
clean
