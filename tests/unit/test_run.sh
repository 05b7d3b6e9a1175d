#!/bin/sh
# test_run.sh RUN   what tests/run counts: a script a row, and the last line that it has to lead to.
set -u
run=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/tests"
cp "$run" "$tree/tests/run"
n=0

# counts NAME EXIT LAST-LINE SCRIPT [OPTIONAL]
counts() {
    n=$((n + 1))
    rm -rf "$tree/tests/scenario"
    mkdir "$tree/tests/scenario"
    printf '#!/bin/sh\n%s\n' "$4" > "$tree/tests/scenario/s.sh"
    chmod +x "$tree/tests/scenario/s.sh"
    printf '%s\n' "${5:-}" > "$tree/tests/optional"
    out=$("$tree/tests/run" --suite scenario 2>&1)
    code=$?
    last=$(printf '%s\n' "$out" | tail -n 1)
    if [ "$code" = "$2" ] && [ "$last" = "$3" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        printf 'exit %s, expected %s and "%s"\n%s\n' "$code" "$2" "$3" "$out" | sed 's/^/# /'
    fi
}

counts 'a script without TAP counts once' 0 '1 passed, 0 failed, 0 skipped' 'echo fine'
counts 'a script that fails' 1 '0 passed, 1 failed, 0 skipped' 'echo wrong; exit 3'
counts 'TAP counts every case' 0 '3 passed, 0 failed, 0 skipped' 'printf "1..3\nok 1 - a\nok 2 - b\nok 3 - c\n"'
counts 'one case of three failed' 1 '2 passed, 1 failed, 0 skipped' 'printf "1..3\nok 1 - a\nnot ok 2 - b\nok 3 - c\n"; exit 1'
counts 'a plan that is not kept' 1 '2 passed, 1 failed, 0 skipped' 'printf "1..3\nok 1 - a\nok 2 - b\n"'
counts 'a plan at the end' 0 '2 passed, 0 failed, 0 skipped' 'printf "ok 1 - a\nok 2 - b\n1..2\n"'
counts 'all cases fine and then a crash' 1 '1 passed, 1 failed, 0 skipped' 'printf "1..1\nok 1 - a\n"; kill -SEGV $$'
counts 'all cases fine and then a leak' 1 '1 passed, 1 failed, 0 skipped' 'printf "1..1\nok 1 - a\n"; exit 23'
counts 'bail out' 1 '1 passed, 2 failed, 0 skipped' 'printf "1..2\nok 1 - a\nBail out! no disk\n"; exit 1'
counts 'a skip nobody named fails the run' 1 '1 passed, 0 failed, 1 skipped' 'printf "1..2\nok 1 - a\nok 2 - b # SKIP no kvm\n"'
counts 'a skip that is named' 0 '1 passed, 0 failed, 1 skipped' 'printf "1..2\nok 1 - a\nok 2 - b # SKIP no kvm\n"' \
    'scenario/s.sh/b  needs a machine with KVM'
counts 'a skip named by its beginning' 0 '1 passed, 0 failed, 1 skipped' 'printf "1..2\nok 1 - a\nok 2 - b # SKIP no kvm\n"' \
    'scenario/s.sh/*  needs a machine with KVM'
counts 'another name does not help' 1 '1 passed, 0 failed, 1 skipped' 'printf "1..2\nok 1 - a\nok 2 - b # SKIP no kvm\n"' \
    'scenario/s.sh/bb  something else'
counts 'a skip as the unit tests write it' 1 '1 passed, 0 failed, 1 skipped' 'printf "1..2\nnot ok 1 # SKIP a\nok 2 - b\n"'
counts 'the whole script skipped' 1 '0 passed, 0 failed, 1 skipped' 'echo no network; exit 77' 'scenario/s.sh  needs a network'
counts 'the whole plan skipped' 1 '0 passed, 0 failed, 1 skipped' 'echo "1..0 # SKIP no kvm"'
counts 'cases inside cases count, their sum does not' 0 '3 passed, 0 failed, 0 skipped' \
    'printf "TAP version 13\n# Subtest: a\n    # Subtest: x\n    ok 1 - x\n    ok 2 - y\n    1..2\nok 1 - a\nok 2 - b\n1..2\n"'
counts 'a sum that fails by itself' 1 '2 passed, 1 failed, 0 skipped' \
    'printf "    ok 1 - x\n    ok 2 - y\n    1..2\nnot ok 1 - a\n1..1\n"'
counts 'a script that takes too long' 1 '0 passed, 1 failed, 0 skipped' '# timeout: 1
sleep 30'
counts 'what a script leaves behind ends with it' 0 '1 passed, 0 failed, 0 skipped' 'sleep 30 & echo started'
counts 'a script that runs meanwhile counts as another' 1 '1 passed, 1 failed, 0 skipped' '# meanwhile: it waits
printf "1..2\nok 1 - a\nnot ok 2 - b\n"'
counts 'nothing run is not a success' 1 '0 passed, 0 failed, 0 skipped' 'echo "1..0"'
echo "1..$n"
