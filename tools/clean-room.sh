#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tools/clean-room.sh [--base DIR] [--suite NAME] [--test]: prove that a stranger's commands work.
#
# Debootstraps a minimal Debian into a temporary folder, puts `git archive HEAD` into it, runs
# script/server there until it answers, sends it a job, runs it and stops the server; with --test it
# then runs script/test. Needs root, debootstrap, and unshare of util-linux.
#
# --base DIR keeps the bare system in DIR and copies it the next time. --suite is Debian's release,
# bookworm by default. What the host knows of its Debian mirror (sources, proxies, certificates) is
# passed on at run time.
#
# The room lives in name spaces of its own for mounts and processes: however the script ends, the
# kernel takes both away with it, and the folder is then removed.
set -euo pipefail

base='' suite=bookworm with_test=false room=''
usage() {
    sed -n '3,15s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
while [ $# -gt 0 ]; do
    case $1 in
    --base) base=${2:?} && shift ;;
    --suite) suite=${2:?} && shift ;;
    --test) with_test=true ;;
    --room) room=${2:?} && shift ;; # the script calls itself
    *) usage ;;
    esac
    shift
done

say() { echo "clean-room: $* ($SECONDS s)"; }

# Outside

bare_system() {
    local mirror
    if [ -n "$base" ] && [ -e "$base/complete" ]; then
        cp -a "$base/system/." "$1"
        return
    fi
    # shellcheck disable=SC2016 # apt's own placeholders
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
        awk -v suite="$suite" '$2 == suite && !seen { print $1; seen = 1 }')
    if ! debootstrap --variant=minbase "$suite" "$1" ${mirror:+"$mirror"} >"$1.log" 2>&1; then
        cat "$1.log" >&2
        return 1
    fi
    if [ -n "$base" ]; then
        mkdir -p "$base/system" && cp -a "$1/." "$base/system" && touch "$base/complete"
    fi
}

# How the host reaches its mirror.
pass_on_network() {
    local place
    cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
    rm -f "$1/etc/apt/sources.list"
    for place in /etc/apt/{sources.list,sources.list.d,apt.conf.d,keyrings} /usr/share/keyrings \
        /etc/ssl/certs /usr/local/share/ca-certificates; do
        if [ -e "$place" ]; then
            mkdir -p "$1$(dirname "$place")" && rm -rf "${1:?}$place" && cp -aL "$place" "$1$place"
        fi
    done
}

outside() {
    local folder options
    cd "$(dirname "$0")/.."
    [ "$(id -u)" -eq 0 ] || { echo "The clean room needs root." >&2 && exit 1; }
    folder=$(mktemp -d)
    chmod 755 "$folder" # other accounts live in there too
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf --one-file-system '$folder'" EXIT
    trap 'exit 130' INT TERM
    mkdir "$folder/room"
    bare_system "$folder/room"
    say "a bare Debian $suite"
    pass_on_network "$folder/room"
    mkdir -p "$folder/room/srv/cronjob"
    git archive HEAD | tar -x -C "$folder/room/srv/cronjob"
    options=(--room "$folder/room")
    if "$with_test"; then
        options+=(--test)
    fi
    unshare --mount --pid --fork --kill-child -- "tools/${0##*/}" "${options[@]}"
}

# In the name spaces, around the room

free_port() {
    local port
    while port=$((20000 + RANDOM % 10000)); do
        (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

wait_for_answer() {
    local deadline=$((SECONDS + 900))
    until "${inside[@]}" curl -fsS --max-time 5 "$1/healthz" >/dev/null 2>&1; do
        if ! kill -0 "$server" 2>/dev/null || [ $SECONDS -gt $deadline ]; then
            echo "clean-room: the server does not answer; it said:" >&2
            cat "$room/tmp/server.log" >&2
            exit 1
        fi
        sleep 0.5
    done
}

try_server() {
    local address
    address=127.0.0.1:$(free_port)
    "${inside[@]}" /srv/cronjob/script/server --listen "$address" >"$room/tmp/server.log" 2>&1 &
    server=$!
    address=http://$address
    wait_for_answer "$address"
    say "script/server answers"
    "${inside[@]}" curl -fsS -H 'Content-Type: application/json' \
        -d '{"executable":"echo hello","schedule":"@daily","type":"command","name":"first"}' \
        "$address/jobs" | grep -q '"name": *"first"'
    "${inside[@]}" curl -fsS "$address/jobs" | grep -q '"name": *"first"'
    "${inside[@]}" env CRONJOB_SERVER="$address" /srv/cronjob/build/release/cronjob run first --wait
    say "the first job was taken, listed and run"
    kill -TERM "$server"
    wait "$server" || { echo "clean-room: the server ended with $?" >&2 && exit 1; }
    say "the server has stopped"
}

# shellcheck disable=SC2154 # the proxy variables are the host's
in_room() {
    inside=(chroot "$room" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb
        LANG=C ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"}
        ${no_proxy:+"no_proxy=$no_proxy"})
    mount --bind "$room" "$room" # a root that is a mount, as of any machine
    mount -t proc proc "$room/proc"
    mount --bind /sys "$room/sys"
    mount -t devpts devpts "$room/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$room/dev/shm"
    try_server
    if "$with_test"; then
        "${inside[@]}" /srv/cronjob/script/test
        say "script/test has passed"
    fi
}

if [ -n "$room" ]; then
    in_room
else
    outside
fi
