/* ucum_filter.c -- conversions for other programs to judge: lines "VALUE FROM TO" (tabs between) on stdin, an answer each on
 * stdout: the exact decimal or fraction; "about " and a decimal; or "-" when there is none. A line "CODE" alone is answered
 * "valid" or with the sentence of its refusal, and behind a tab what was probably meant. */
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "ucum/ucum.h"

static void judge(struct arena *a, struct slice code)
{
    struct ucum_fault f;
    struct slice meant = {NULL, 0};
    if (ucum_parse(a, code, &f)) {
        puts("valid");
        return;
    }
    ucum_meant(a, code, &meant);
    printf("%s\t%.*s\n", f.text, SLICE_FMT(meant));
}

static void convert(struct arena *a, struct slice value, struct slice from, struct slice to)
{
    struct ucum_fault f;
    struct ucum_number v;
    struct slice text;
    enum ucum_end end;
    const struct ucum_unit *x = ucum_parse(a, from, &f), *y = ucum_parse(a, to, &f);
    const struct ucum_pair *p = x && y ? ucum_pair(a, x, y, UCUM_BY_DEFINITION, NULL, &f) : NULL;
    if (!p || !ucum_number(value, &v) || ucum_convert(p, &v, 18, a, &text, &end) != 1)
        puts("-");
    else if (end == UCUM_ROUNDED && ucum_convert_whole(p, &v, a, &text) == 1)
        printf("%.*s\n", SLICE_FMT(text));
    else
        printf("%s%.*s\n", end == UCUM_EXACT ? "" : "about ", SLICE_FMT(text));
}

int main(void)
{
    OWN_ARENA struct arena *a = arena_new(1 << 22);
    OWN_MEM char *line = NULL;
    size_t size = 0;
    struct arena_mark m = arena_mark(a);
    for (ssize_t n; (n = getline(&line, &size, stdin)) > 0; arena_rewind(a, m)) {
        struct slice rest = {line, (size_t)n - (line[n - 1] == '\n')}, value = slice_cut(&rest, '\t'), from = slice_cut(&rest, '\t');
        if (rest.p)
            convert(a, value, from, rest);
        else
            judge(a, value);
    }
    return 0;
}
