#!/bin/sh
# The story of `make run`, once, from the server's start to the verified webhook.
# timeout: 300
set -u
dir=$(mktemp -d)
port=$((20000 + $$ % 10000)) # and 1000 above it for the webhooks
trap 'rm -rf "$dir"' EXIT
echo 1..2
if PORT=$port LAZARET_DATA=$dir/data tools/story --once > "$dir/out" 2>&1; then
    echo 'ok 1 - every step of the story goes as it says'
else
    echo 'not ok 1 - every step of the story goes as it says'
    sed 's/^/# /' "$dir/out"
fi
PORT=$port LAZARET_DATA=$dir/data tools/story --once > "$dir/out" 2>&1
if grep -q 'both signatures verify' "$dir/out"; then
    echo 'ok 2 - a second run over the same data tells it again'
else
    echo 'not ok 2 - a second run over the same data tells it again'
    sed 's/^/# /' "$dir/out"
fi
