#!/bin/sh
# tsan.sh   what several threads share -- the store's writer, the keyring, the jobs' doorbell, the server's loops and pool -- under
# ThreadSanitizer, which cannot be had together with the other sanitizers. In a build folder of its own, which stays.
# timeout: 1200
set -u
cd "$(dirname -- "$0")/../.."
folder=${BUILD_TSAN:-build-tsan}
tools/configure "$folder" -Dtests=true -Db_sanitize=thread -Db_lundef=false -Ddebug=true -Doptimization=1 -Dwerror=false >&2 || { echo 'Bail out! it cannot be configured'; exit 1; }

n=0
bad=0
for name in store backup keys subject jobs watch limit http_server http_stream http_tls; do
    [ -f "tests/unit/test_$name.c" ] || continue
    n=$((n + 1))
    program=tests/unit/test_$name
    log=$(ninja --quiet -C "$folder" "$program" 2>&1 &&
        CMOCKA_MESSAGE_OUTPUT=TAP TSAN_OPTIONS='halt_on_error=1:exitcode=66:second_deadlock_stack=1' timeout 240 "$folder/$program" 2>&1)
    how=$?
    if [ $how -eq 0 ]; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name (exit $how)"
        printf '%s\n' "$log" | tail -60 | sed 's/^/# /'
        bad=1
    fi
done
echo "1..$n"
exit $bad
