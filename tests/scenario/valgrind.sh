#!/bin/sh
# valgrind.sh   the unit tests without sanitizers, under valgrind: reads of memory that nobody wrote, which no sanitizer of
# the other builds sees. In a build folder of its own, which stays.
# timeout: 1500
# soak: what takes long under valgrind, too
set -u
cd "$(dirname -- "$0")/../.."
plain=${BUILD_PLAIN:-build-plain}
# Too slow under valgrind to say anything: real sockets and deadlines (what they parse with is tested by http_reader), trees of every size, which are hashes
# and little else, and what runs only where there is a folder of published examples. And rotate, which starts itself anew: it would start valgrind;
# and ucum, whose logarithms are long doubles, which valgrind reckons in 64 bits.
leave='http_server|http_tls|http_stream|limit|fhir_data|fhirpath_suite|tree|rotate|ucum.*'
# Only with N: the rooms above the store, whose bytes have passed through those below, with what links or starts all of them; what makes keys and hashes
# passwords most of the time; and what runs over PostgreSQL beside its driver's own test.
[ -n "${N:-}" ] || leave="$leave|fhir_verb|fhir_search|data_requirement|fhir_result|replay_search|account|assertion|audit|backup|checkpoint|document|fiscal|gate|glass|homes|http_transfer|identity|jobs|json|keys|lists|outbox|\
passkey|password|patient|programs|project|queue|records|session|streams|subject|token|trust|upgrade|watch|.*_fails|refusals|meanwhile|\
[a-r].*_postgres|session_postgres|streams_postgres|subject_postgres|[t-z].*_postgres"

command -v valgrind >/dev/null || { echo '1..0 # SKIP valgrind is not installed'; exit 0; }
tools/configure "$plain" -Dtests=true -Ddebug=true -Doptimization=1 -Dwerror=false >&2 || { echo 'Bail out! it cannot be configured'; exit 1; }
tests=$(meson test -C "$plain" --no-rebuild --list --suite unit 2>/dev/null | sed -n 's|^.*/ *||p' | grep -Ev "^($leave)\$")

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# What these tests depend on is built first.
# shellcheck disable=SC2086
meson test -C "$plain" --suite unit --logbase valgrind --timeout-multiplier 3 --print-errorlogs \
    --wrapper 'valgrind -q --error-exitcode=99 --leak-check=no' $tests > "$log" 2>&1
sed -n 's|^ *\([0-9]*\)/[0-9]* \(.*[^ ]\)  *\([A-Z][A-Z]*\)  *[0-9.]*s.*|\3 \1 \2|p' "$log" | sort -nk2 | while read -r how n name; do
    case $how in
    OK) echo "ok $n - ${name##*/ }" ;;
    SKIP) echo "ok $n - ${name##*/ } # SKIP it skips itself" ;;
    *) echo "not ok $n - ${name##*/ }: $how" ;;
    esac
done
grep -E '^==|not ok|^# |error:|^FAILED' "$log" | sed 's/^/# /' | head -60
echo "1..$(echo "$tests" | wc -l)"
! grep -q '==ERROR\|FAIL\|TIMEOUT' "$log"
