#!/bin/sh
# test_controls.sh TOP   every test and every file that docs/controls.md and docs/defects.md name is there, and every item has a verdict; of defects
# of the prototype that somebody could observe none is missing, and each is held by a test.
#
# A row is | item | asks for | verdict | tests | where |. A test is a file below tests/ in backticks and its own sentences in double quotes.
# Afterwards rows with one fault each, which has to be found.
set -u
top=$(cd "$1" && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
n=0

# FILE: a line for each fault.
look() {
    awk -v top="$top" '
        function whole(path,   text, line) {
            if (!(path in known)) {
                text = ""
                while ((getline line < path) > 0) text = text line "\n"
                close(path)
                gsub(/\\/, "", text)
                known[path] = text
            }
            return known[path]
        }
        function tell(what) { print FNR ": " what }
        function holds(path, sentence,   text, at) {
            text = whole(path)
            if (path ~ /\.c$/) {
                at = index(text, "TEST(" sentence ")")
                return at && index(substr(text, at + length(sentence) + 6), sentence ")")   # and it is run
            }
            if (path ~ /\.mjs$/)
                return index(text, "\047" sentence "\047") || index(text, "`" sentence "`")
            if (path ~ /\.case$/)
                return index(text, "\n== " sentence "\n")
            return index(text, sentence)
        }
        # the pieces of a cell: `files` and "sentences" in their order
        function tests(cell,   path, count, mine, piece) {
            path = ""
            count = mine = 0
            while (match(cell, /`[^`]*`|"[^"]*"/)) {
                piece = substr(cell, RSTART + 1, RLENGTH - 2)
                if (substr(cell, RSTART, 1) == "`") {
                    if (path != "" && !mine) tell(path " has no sentence")
                    path = piece
                    mine = 0
                    if (whole(top "/tests/" path) == "") tell("no file tests/" path)
                } else {
                    mine++
                    count++
                    if (path == "" || !holds(top "/tests/" path, piece)) tell("no test in " path ": " piece)
                }
                cell = substr(cell, RSTART + RLENGTH)
            }
            if (path != "" && !mine) tell(path " has no sentence")
            if (cell ~ /["`]/) tell("a quote that is open")
            return count
        }
        function files(cell,   piece) {
            while (match(cell, /`[^`]*`/)) {
                piece = substr(cell, RSTART + 1, RLENGTH - 2)
                if (piece ~ /^(src|docs|tools|tests)\// && whole(top "/" piece) == "") tell("no file " piece)
                cell = substr(cell, RSTART + RLENGTH)
            }
        }
        /^\|/ && !/^\| (item|defect) / && !/^\|---/ {
            rows++
            if (split($0, cell, "|") != 7) tell("not five cells")
            if (cell[4] !~ /^ (yes|partly|no|n\/a)[ :;,]/) tell("no verdict")
            if (!tests(cell[5]) && cell[4] ~ /^ (yes|partly)[ :]/) tell("held by nothing")
            files(cell[4])
            files(cell[6])
        }
        !/^\|/ { files($0) }
        END { if (!rows) print "no row" }' "$1"
}

# FILE: a line for each defect of the prototype that it has not, has twice or says is here, too.
numbers() {
    awk -F'|' '
        /^\| [0-9]+ / {
            if (seen[$2 + 0]++) print "defect " ($2 + 0) " stands twice"
            if ($4 !~ /^ no: /) print "defect " ($2 + 0) " is here, too"
            if ($5 !~ /"/) print "defect " ($2 + 0) " is held by nothing"
        }
        END { for (n = 5; n <= 30; n++) if ((n <= 20 || n >= 25) && !seen[n]) print "no defect " n }' "$1"
}

says() { # NAME FAULT ROW: the fault is found; an empty one: nothing is
    n=$((n + 1))
    printf '%s\n' "$3" > "$place/rows"
    out=$(look "$place/rows")
    if { [ -n "$2" ] && printf '%s\n' "$out" | grep -qF -- "$2"; } || { [ -z "$2" ] && [ -z "$out" ]; }; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        printf '%s\n' "expected: $2" "$out" | sed 's/^/# /'
    fi
}

n=1
out=$(look "$top/docs/controls.md")
if [ -z "$out" ]; then echo 'ok 1 - what docs/controls.md names is there'; else echo 'not ok 1 - what docs/controls.md names is there'; printf '%s\n' "$out" | sed 's/^/# /'; fi
n=2
out=$(look "$top/docs/defects.md"; numbers "$top/docs/defects.md")
if [ -z "$out" ]; then echo 'ok 2 - what docs/defects.md names is there, and it names all of them'; else echo 'not ok 2 - what docs/defects.md names is there, and it names all of them'; printf '%s\n' "$out" | sed 's/^/# /'; fi
n=3
grep -v '^| 17 ' "$top/docs/defects.md" | sed '/^| 9 /p; s/^\(| 18 |[^|]*| \)no: /\1yes: /; s/^\(| 26 |[^|]*|[^|]*|\)[^|]*/\1 /' > "$place/rows"
out=$(numbers "$place/rows" | sort | tr '\n' ';')
if [ "$out" = 'defect 18 is here, too;defect 26 is held by nothing;defect 9 stands twice;no defect 17;' ]; then echo 'ok 3 - a defect that is left out, stands twice, is here or is held by nothing is found'; else echo 'not ok 3 - a defect that is left out, stands twice, is here or is held by nothing is found'; echo "# $out"; fi
c='`unit/test_store.c` "a_body_is_all_or_nothing"'
says 'a row without a fault' '' "| 1 | x | yes | $c | \`src/store/db.h\` |"
says 'a sentence of a scenario, with an apostrophe' '' "| 1 | x | yes | \`scenario/limits.mjs\` \"a client's own rate is set and taken back while the server runs, and outlives it\" | |"
says 'nothing holds it, and that is said' '' '| 1 | x | no: it is not there | | |'
says 'a test that is not there' 'no test in unit/test_store.c: a_body_is_all' '| 1 | x | yes | `unit/test_store.c` "a_body_is_all" | |'
says 'the beginning of a scenario is no sentence of it' 'no test in scenario/limits.mjs' '| 1 | x | yes | `scenario/limits.mjs` "a flood of wrong keys" | |'
says 'a case that is not there' 'no test in cases/token.case' '| 1 | x | yes | `cases/token.case` "Another grant" | |'
says 'a file that is not there' 'no file tests/unit/test_nothing.c' '| 1 | x | yes | `unit/test_nothing.c` "a" | |'
says 'a place in the code that is not there' 'no file src/store/nothing.h' "| 1 | x | yes | $c | \`src/store/nothing.h\` |"
says 'a file without a sentence' 'unit/test_store.c has no sentence' '| 1 | x | yes | `unit/test_store.c` | |'
says 'held by nothing' 'held by nothing' '| 1 | x | yes | | `src/store/db.h` |'
says 'no verdict' 'no verdict' "| 1 | x | perhaps | $c | |"
says 'a cell too few' 'not five cells' "| 1 | x | yes | $c |"
says 'no row at all' 'no row' 'words'
echo "1..$n"
