#!/bin/sh
# test_tidy.sh TIDY   every rule finds the violation planted for it, and says nothing about a tree that keeps them all.
# Forbidden words are put together here, so that this file keeps the rules itself.
set -u
tidy=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
n=0
todo=TO; todo=${todo}DO
host=pypi; host=$host.org
home=/ho; home=${home}me/ann

# A small tree that keeps every rule.
fresh() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree/src/base" "$tree/src/http" "$tree/src/crypto" "$tree/src/api" "$tree/src/jail" "$tree/src/sandbox" \
        "$tree/src/fhir" "$tree/src/cmd" "$tree/tests/cases" "$tree/build" "$tree/docs"
    printf 'base\ncrypto http\nfhir sandbox\napi\ncmd\n' > "$tree/src/LAYERS"
    printf '/* a.h -- a. */\n#ifndef BASE_A_H\n#define BASE_A_H\nint a(void);\n#endif\n' > "$tree/src/base/a.h"
    printf 'ERR(LOST, 404, "x", 0, "lost")\n' > "$tree/src/base/errors.def"
    printf 'ROUTE(GET, "/v1/jobs/:id", JOB)\n' > "$tree/src/api/routes.def"
    printf 'GET /v1/jobs/17 HTTP/1.1\n' > "$tree/tests/cases/jobs.txt"
    printf '#include "base/a.h"\nint b(void)\n{\n    return a() + ERR_LOST;\n}\n' > "$tree/src/api/b.c"
    printf '#include "sandbox/protocol.h"\nint j(void)\n{\n    return 0;\n}\n' > "$tree/src/jail/j.c"
    printf 'not looked at %s \t\n' "$todo" > "$tree/build/out.c"
}

point() { # RESULT NAME
    n=$((n + 1))
    echo "$1 $n - $2"
}

# finds NAME FILE CONTENT WHAT-TIDY-SAYS: the content goes to the file's end, escapes as in printf %b.
finds() {
    fresh
    printf '%b' "$3" >> "$tree/$2"
    out=$("$tidy" "$tree")
    code=$?
    if [ $code -eq 1 ] && printf '%s\n' "$out" | grep -F "$2:" | grep -qF -- "$4"; then
        point ok "$1"
    else
        point 'not ok' "$1"
        printf '%s\n' "exit $code, expected in $2: $4" "$out" | sed 's/^/# /'
    fi
}

quiet() { # NAME FILE CONTENT
    fresh
    printf '%b' "$3" >> "$tree/$2"
    if out=$("$tidy" "$tree"); then point ok "$1"; else point 'not ok' "$1"; printf '%s\n' "$out" | sed 's/^/# /'; fi
}

quiet 'a tidy tree passes' docs/x.md 'A sentence.\n'
finds 'upward include' src/base/u.c '#include "http/server.h"\n' 'http/ is not below base/'
finds 'include of a neighbour on the same line' src/http/n.c '#include "crypto/digest.h"\n' 'crypto/ is not below http/'
quiet 'include of an earlier line' src/http/n.c '#include "base/a.h"\n'
quiet 'include in a comment' src/base/u.c '/*\n#include "http/server.h"\n*/\n'
finds 'include after spaces' src/base/u.c '#  include "http/server.h"\n' 'http/ is not below base/'
finds 'include without its room' src/http/n.c '#include "reader.h"\n' 'say the room'
finds 'include by a relative path' src/http/n.c '#include "../cmd/cmd.h"\n' 'say the room'
finds 'private header of another room' src/api/p.c '#include "http/reader_int.h"\n' 'private to http/'
quiet 'private header of the own room' src/http/p.c '#include "http/reader_int.h"\n'
finds 'room without a layer' src/base/q.c '#include "nowhere/x.h"\n' 'not a room of src/LAYERS'
finds 'the jail includes the base room' src/jail/k.c '#include "base/a.h"\n' 'a program of its own'
finds 'the jail includes more of the sandbox' src/jail/k.c '#include "sandbox/sandbox.h"\n' 'only sandbox/protocol.h'
for call in strcpy strcat sprintf vsprintf strncpy gets strtok rand atoi alloca system popen tmpnam mktemp localtime signal; do
    finds "call of $call" src/http/c.c "int c(void)\n{\n    x = $call(y);\n}\n" "$call(): use "
done
finds 'call in a test, too' tests/t.c 'int c(void)\n{\n    system("ls");\n}\n' 'system(): use posix_spawn'
finds 'free in a room that lives by the request' src/fhir/c.c 'int c(void)\n{\n    free (p);\n}\n' 'free(): use nothing'
quiet 'free in a room that owns things' src/http/c.c 'int c(void)\n{\n    free(p);\n}\n'
finds 'printf outside the commands' src/http/c.c 'int c(void)\n{\n    printf("x");\n}\n' 'printf(): use a log line'
quiet 'printf in a command' src/cmd/c.c 'int c(void)\n{\n    printf("x");\n}\n'
quiet 'calls in strings and comments, members and longer names' src/http/c.c \
    'int c(void)\n{\n    x("strcpy(a)"); /* strcpy(a) */ // gets(x)\n    y->system(1);\n    z.free(2);\n    my_rand(3);\n    randy(4);\n}\n'
quiet 'a quote in a character constant does not hide what follows' src/cmd/c.c "int c(void)\n{\n    x('\"');\n    y('\\\\\\\\');\n}\n"
finds 'call behind a quote in a character constant' src/http/c.c "int c(void)\n{\n    x('\"', gets(a));\n}\n" 'gets(): use'
quiet 'signal() to ignore one' src/http/c.c 'int c(void)\n{\n    signal(SIGPIPE, SIG_IGN);\n}\n'
quiet 'a call that says why' src/http/c.c 'int c(void)\n{\n    gets(a); /* tidy: allow (planted) */\n}\n'
finds 'line of 121 columns' src/http/c.c "/* $(printf '%0115d' 0) */\n" '121 columns'
quiet 'a row of a test may be longer' tests/t.c "/* $(printf '%0132d' 0) */\n"
finds 'but not without end' tests/t.c "/* $(printf '%0135d' 0) */\n" '141 columns'
quiet 'line of 120 columns, counted in characters' src/http/c.c "/* $(printf '%0113d' 0)\0303\0244 */\n"
finds 'tab' src/http/c.c 'int a;\tint b;\n' 'tab: indent'
finds 'space at a line end' docs/x.md 'word \n' 'space at the end'
finds 'no line end' docs/x.md 'word' 'no line end'
finds 'work left open' docs/x.md "$todo: later\n" 'do it, or describe'
quiet 'a template of mkstemp' src/cmd/c.c 'char t[] = "/tmp/x.XXXXXX";\n'
finds 'path of a machine' docs/x.md "see $home/file\n" 'a path of somebody'
quiet 'the same inside a longer path' docs/x.md "see /proc/1$home/file and \${DIR}$home\n"
finds 'host of a registry' docs/x.md "ask $host for it\n" 'which one is asked'
finds 'file of 901 lines' src/http/c.c "$(printf '%901s' '' | sed 's/ /\\n/g')" '901 lines'
finds 'function of 101 lines, as a note' src/http/c.c \
    "int long_one(void)\n{\n$(printf '%101s' '' | sed 's/ /    x();\\n/g')}\nint a; \n" 'note: long_one() has 101 lines'
quiet 'a long function alone fails nothing' src/http/c.c "int c(void)\n{\n$(printf '%101s' '' | sed 's/ /    x();\\n/g')}\n"
finds 'header without a guard' src/http/h.h '/* h.h -- h. */\nint h(void);\n' 'no include guard'
finds 'guard of another header' src/http/h.h '/* h.h -- h. */\n#ifndef BASE_A_H\n#define BASE_A_H\n#endif\n' '#ifndef HTTP_H_H'
finds 'header that does not say what it is' src/http/h.h '#ifndef HTTP_H_H\n#define HTTP_H_H\n#endif\n' 'a header reads alone'
finds 'route without a case' src/api/routes.def 'ROUTE(POST, "/v1/jobs", JOB)\n' 'POST /v1/jobs has no case'
finds 'route whose case is for a longer path' src/api/routes.def 'ROUTE(GET, "/v1/jobs", JOB)\n' 'GET /v1/jobs has no case'
finds 'error nobody sets' src/base/errors.def 'ERR(NEVER, 400, "x", 0, "never")\n' 'nothing reads the row NEVER'
finds 'metric nobody bumps' src/base/metrics.def 'COUNTER(IDLE, "idle_total", "idle")\n' 'nothing reads the row IDLE'
echo "1..$n"
