#!/bin/sh
# test_policy_mutants.sh SOURCE BASE   the policy's tests notice when a row of its tables is lost, or says less.
#
# For each mutant: a copy of src/policy with one change; what includes the changed file is compiled anew, and the test is run. A
# mutant that compiles and passes has survived.
set -u
top=$(cd "$1" && pwd)
base=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
n=0

sources="$(ls "$top"/src/policy/*.c) $top/tests/unit/test_policy.c"

compile() { # SOURCE FOLDER: its object, from the tables in $place
    case $1 in */src/policy/*) set -- "$place/policy/${1##*/}" "$2" ;; esac
    name=${1##*/}
    cc -c -MMD -O0 -w -D_GNU_SOURCE -fsanitize=address,undefined -I"$place" -I"$top/src" -I"$top/tests/unit" "$1" -o "$2/${name%.c}.o"
}

passes() { # OBJECT...
    cc -fsanitize=address,undefined "$@" "$base" -lcmocka -o "$place/t" && "$place/t" >/dev/null 2>&1
}

# FILE, a sed program; the file has to change.
mutant() {
    rm -rf "$place/policy" "$place/new"
    mkdir "$place/new"
    cp -r "$top/src/policy" "$place/policy"
    sed -i "$2" "$place/policy/$1"
    n=$((n + 1))
    if cmp -s "$top/src/policy/$1" "$place/policy/$1"; then
        echo "not ok $n - $1: '$2' changes nothing"
        return
    fi
    objects=
    for source in $sources; do
        name=${source##*/} name=${name%.c}
        object=$place/same/$name.o
        if grep -q "/policy/$1" "$place/same/$name.d"; then
            object=$place/new/$name.o
            compile "$source" "$place/new" 2>/dev/null || objects=none
        fi
        [ "$objects" = none ] || objects="$objects $object"
    done
    # shellcheck disable=SC2086  # names without spaces
    if [ "$objects" != none ] && passes $objects 2>/dev/null; then
        echo "not ok $n - survived: $1 with $2"
    else
        echo "ok $n - $1 with $2"
    fi
}

# Unchanged, the tests pass: otherwise the deaths below would mean nothing.
cp -r "$top/src/policy" "$place/policy"
mkdir "$place/same"
n=1
for source in $sources; do compile "$source" "$place/same" || echo "not ok 1 - $source"; done
if passes "$place"/same/*.o; then
    echo "ok 1 - the tables as they are"
else
    echo "not ok 1 - the tables as they are"
fi

for line in $(grep -nE '^(APART|JOINS)' "$top/src/policy/roles.def" | cut -d: -f1); do mutant roles.def "${line}d"; done
# Every fifth row: the test types the whole matrix, so that they are all alike.
for line in $(grep -nE '^SEES' "$top/src/policy/matrix.def" | cut -d: -f1 | awk 'NR % 5 == 1'); do mutant matrix.def "${line}d"; done
for line in $(grep -nE '^OPENS' "$top/src/policy/emergency.def" | cut -d: -f1); do mutant emergency.def "${line}d"; done
mutant emergency.def '/^OPENS(SCREENING,/s/ONE/ALL/'
mutant emergency.def '$a OPENS(STREAM, ALL)'
mutant views.def '/^VIEW(NOTE,  *ONE/s/BTG, /TREAT,/'
mutant views.def '/^VIEW(NOTE,  *ONE/s/ONE,      ONE, /ONE,      EVERY, /'
mutant roles.def '/^ROLE(EMERGENCY,/s/GLASS,/STAFF,/'
for entity in PATIENT_DETAIL PATIENT_GENERAL SCREENING STREAM; do
    mutant entities.def "/^ENTITY($entity,/s/NAME, \|ADDRESS,\|HEALTH, \|STREAMS,/NOTHING,/"
done
mutant entities.def '/^ENTITY(PATIENT_LOOKUP,/s/KEY(PERSON) | //'
mutant entities.def '/^ENTITY(INSTALLATION_LOOKUP,/s/KEY(HOME) | //'
mutant entities.def '/^ENTITY(STREAM_LOOKUP,/s/KEY(STREAM) | //'
mutant views.def '/^VIEW(STREAM,  *COHORT/s/EXPORT/ALIAS/'
mutant views.def '/^VIEW(STREAM,  *ALIASED/s/NEEDED,/NOT_ASKED,/'
mutant views.def '/^VIEW(DOCUMENT,  *REDACTED/s/size created_at/content created_at/'
mutant views.def '/^VIEW(DOCUMENT,  *REDACTED/s/size created_at/sort created_at/'
mutant matrix.def '/^SEES(PATIENT_DETAIL,  *READ/s/NONE,   OWN)/ALL,    OWN)/'
mutant matrix.def '/^SEES(PATIENT_GENERAL,  *READ/s/VISITED,/ALL,    /'
echo "1..$n"
