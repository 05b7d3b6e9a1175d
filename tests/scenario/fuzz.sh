#!/bin/sh
# fuzz.sh   a minute of libFuzzer, from the corpus and what earlier runs found, for each of the readers that everything else stands
# behind: JSON, the validator, FHIRPath. FUZZ_SECONDS says another length; `make fuzz` runs the other targets as well, whose
# corpora are replayed with the unit tests.
# meanwhile: it needs a processor only when nothing else does, and has all the time of the unit tests
# timeout: 1200
set -u
cd "$(dirname -- "$0")/../.."
seconds=${FUZZ_SECONDS:-60}
export FUZZ_SECONDS="$seconds"
command -v clang >/dev/null || { echo '1..0 # SKIP clang is not installed'; exit 0; }
# What it builds with is clang's; what the run itself exports for the tests of another compiler is of no use to it.
unset ASAN_OPTIONS UBSAN_OPTIONS
tools/fuzz --build json fhir fhirpath >&2 || { echo 'Bail out! it does not build'; exit 1; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT
n=0
for name in json fhir fhirpath; do
    n=$((n + 1))
    # A target that ran nothing has guarded nothing: so few runs a second are had on the busiest machine.
    # Seen failing: the reader of JSON looked at eight bytes where seven were left.
    if nice -n 10 timeout $((seconds + 300)) tools/fuzz "$name" > "$log" 2>&1 &&
        runs=$(sed -n 's/.*runs without a finding: \([0-9]*\).*/\1/p' "$log") && [ "${runs:-0}" -ge $((20 * seconds)) ]; then
        echo "ok $n - $name for $seconds s"
    else
        sed 's/^/# /' "$log"
        echo "not ok $n - $name for $seconds s"
    fi
done
echo "1..$n"
