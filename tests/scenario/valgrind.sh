#!/bin/sh
# valgrind.sh   the unit tests without sanitizers, under valgrind: reads of memory that nobody wrote, which no sanitizer of
# the other builds sees. In a build folder of its own, which stays.
# timeout: 600
# soak: what takes long under valgrind, too
set -u
cd "$(dirname -- "$0")/../.."
plain=${BUILD_PLAIN:-build-plain}
# Too slow under valgrind to say anything: real sockets and deadlines (what they parse with is tested by http_reader), trees of every size, which are hashes
# and little else, and what runs only where there is a folder of published examples. And rotate, which starts itself anew: it would start valgrind.
leave='http_server|http_tls|http_stream|limit|fhir_data|fhirpath_suite|tree|rotate'
# Only with N: what makes keys and hashes passwords most of the time, whole queues, and what runs over PostgreSQL beside its driver's own test.
[ -n "${N:-}" ] || leave="$leave|account|passkey|token|checkpoint|json|assertion|keys|queue|upgrade|session|subject|password|.*_fails|refusals|[a-r].*_postgres|session_postgres|subject_postgres|[t-z].*_postgres"

command -v valgrind >/dev/null || { echo '1..0 # SKIP valgrind is not installed'; exit 0; }
tools/configure "$plain" -Dtests=true -Dbuildtype=debugoptimized >&2 && ninja --quiet -C "$plain" >&2 || { echo 'Bail out! it does not build'; exit 1; }

tests=$(meson test -C "$plain" --no-rebuild --list --suite unit 2>/dev/null | sed -n 's|^.*/ *||p' | grep -Ev "^($leave)\$")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
meson test -C "$plain" --no-rebuild --suite unit --logbase valgrind --timeout-multiplier 3 --print-errorlogs \
    --wrapper 'valgrind -q --error-exitcode=99 --leak-check=no' $tests > "$log" 2>&1
sed -n 's|^ *\([0-9]*\)/[0-9]* \(.*[^ ]\)  *\([A-Z][A-Z]*\)  *[0-9.]*s.*|\3 \1 \2|p' "$log" | sort -nk2 | while read -r how n name; do
    case $how in
    OK) echo "ok $n - ${name##*/ }" ;;
    SKIP) echo "ok $n - ${name##*/ } # SKIP it skips itself" ;;
    *) echo "not ok $n - ${name##*/ }: $how" ;;
    esac
done
grep -E '^==|not ok|^# ' "$log" | sed 's/^/# /' | head -60
echo "1..$(echo "$tests" | wc -l)"
! grep -q '==ERROR\|FAIL\|TIMEOUT' "$log"
