#!/bin/sh
# Two services on one Redis: what one fetches the other finds, what one invalidates the other
# forgets; Redis is killed, both go on; it returns, and is told what it has missed.
# Needs redis-server and redis-cli. Starts everything itself on free ports, and stops it.
set -eu
cd "$(dirname "$0")/../.."

SPENCE=${SPENCE:-target/debug/spence}
[ -x "$SPENCE" ] || cargo build --quiet --package spence-cli
dir=$(mktemp -d)
pids=""
trap 'kill $pids 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT

free_port() { # one that nobody listens on just now
    while :; do
        port=$(( $(od -An -N2 -tu2 /dev/urandom) % 20000 + 20000 ))
        redis-cli -p "$port" ping >/dev/null 2>&1 || { echo "$port"; return; }
    done
}
until_true() { # until_true "what" command...: within ten seconds
    what=$1; shift
    for _ in $(seq 200); do
        if "$@" >/dev/null 2>&1; then echo "  $what"; return; fi
        sleep 0.05
    done
    echo "never: $what" >&2
    exit 1
}
must() { # must "expected" command...
    expected=$1; shift
    got=$("$@" 2>&1) || true
    case $got in
        *"$expected"*) echo "  \$ $(echo "$*" | sed "s,$SPENCE,spence,; s, --server http://[^ ]*,,")  ->  $expected" ;;
        *) echo "$*: expected $expected, got: $got" >&2; exit 1 ;;
    esac
}
start_redis() {
    redis-server --port "$redis" --bind 127.0.0.1 --dir "$dir" --appendonly yes \
        --appendfsync always --save '' >/dev/null &
    redis_pid=$!
    pids="$pids $redis_pid"
    until redis-cli -p "$redis" ping 2>/dev/null | grep -q PONG; do sleep 0.02; done
}
start_node() { # start_node name port
    "$SPENCE" serve --listen "127.0.0.1:$2" --set "redis.url=redis://127.0.0.1:$redis" \
        --set "disk.dir=$dir/$1" --set disk.budget=16MB >"$dir/$1.out" 2>"$dir/$1.log" &
    pids="$pids $!"
}
on_a() { command=$1; shift; "$SPENCE" "$command" --server "http://127.0.0.1:$a" "$@"; }
on_b() { command=$1; shift; "$SPENCE" "$command" --server "http://127.0.0.1:$b" "$@"; }
b_has_none() { ! on_b get notes "$1"; }
queued() { "$SPENCE" stats --json --server "http://127.0.0.1:$a" | grep -Eq "\"queued\": ?$1[,}]?$"; }

redis=$(free_port); a=$(free_port); b=$(free_port)
start_redis
start_node a "$a"; start_node b "$b"
echo "Redis on $redis, node A on $a, node B on $b"
until_true "A answers" on_a stats
until_true "B answers" on_b stats

echo "What is put in on A is read on B:"
on_a set notes greeting hello
on_a set notes farewell goodbye
must hello on_b get notes greeting
must goodbye on_b get notes farewell

echo "What A invalidates by glob is gone on B within max_lag (2 s):"
must '"scope": "cluster"' on_a invalidate notes --glob 'g*g' --json
until_true "B has no greeting any more" b_has_none greeting
must goodbye on_b get notes farewell

echo "Redis is killed (SIGKILL). Both serve what they hold, and A queues what it invalidates:"
kill -9 "$redis_pid"; wait "$redis_pid" 2>/dev/null || true
must goodbye on_a get notes farewell
must goodbye on_b get notes farewell
must '"scope": "queued"' on_a invalidate notes farewell --json
must 'nothing under' on_a get notes farewell
until_true "A has one invalidation queued" queued 1
on_b set notes other 'put in without Redis'
must 'put in without Redis' on_b get notes other

echo "Redis returns with its data, the old farewell among it, and is told:"
start_redis
until_true "A has nothing queued any more" queued 0
until_true "B has no farewell any more" b_has_none farewell
must 'nothing under' on_a get notes farewell
must '"scope": "cluster"' on_a invalidate notes nothing --json
echo "All as it should be."
