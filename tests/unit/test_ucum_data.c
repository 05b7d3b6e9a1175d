/* The functional tests published with UCUM's reference implementations, where LAZARET_UCUM_DATA names a folder that has
 * them as tables: 529 codes that are valid or not, and 30 conversions. Skipped elsewhere.
 *
 * No verdict is disputed. Four conversions are published rounded to as many digits as their value has (6.3 '4.s/m' as
 * 25 's/m', of 25.2; 3-115, 3-118 and 3-119 likewise), so what is exact here is rounded to the digits of what is
 * published before it is compared. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "ucum/ucum.h"

static const char *folder;

static FILE *published(const char *name, char line[1000])
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(path, "r");
    if (!in || !fgets(line, 1000, in)) /* the head */
        fail_msg("cannot read %s", path);
    return in;
}

TEST(published_units_are_judged_as_published)
{
    char line[1000];
    OWN_FILE FILE *in = published("validation.tsv", line);
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    int rows = 0;
    for (; fgets(line, sizeof line, in); rows++) {
        char *rest = line, *id = strsep(&rest, "\t"), *code = strsep(&rest, "\t"), *valid = strsep(&rest, "\n");
        struct ucum_fault f;
        if (!ucum_parse(a, slice_of(code), &f) != !strcmp(valid, "false"))
            fail_msg("%s: '%s' should be %s", id, code, valid);
    }
    CHECK(rows >= 529);
}

TEST(published_conversions_come_out_as_published)
{
    char line[1000];
    OWN_FILE FILE *in = published("conversion.tsv", line);
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    int rows = 0;
    for (; fgets(line, sizeof line, in); rows++) {
        char *rest = line, *id = strsep(&rest, "\t"), *value = strsep(&rest, "\t"), *from = strsep(&rest, "\t"),
             *to = strsep(&rest, "\t"), *want = strsep(&rest, "\n"), got[64], wanted[64];
        const struct ucum_unit *u = ucum_parse(a, slice_of(from), &(struct ucum_fault){0});
        const struct ucum_unit *v = ucum_parse(a, slice_of(to), &(struct ucum_fault){0});
        const struct ucum_pair *p =
            u && v ? ucum_pair(a, u, v, UCUM_BY_DEFINITION, NULL, &(struct ucum_fault){0}) : NULL;
        struct ucum_number x;
        struct slice text;
        enum ucum_end end;
        int digits = 0;
        for (const char *z = want; *z && *z != 'e'; z++)
            digits += *z >= '0' && *z <= '9' && (digits || *z != '0');
        if (!p || !ucum_number(slice_of(value), &x) || ucum_convert(p, &x, 40, a, &text, &end) != 1)
            fail_msg("%s: %s %s does not convert to %s", id, value, from, to);
        digits = digits > 18 ? 18 : digits; /* what a long double holds; the tests of exactness are elsewhere */
        snprintf(got, sizeof got, "%.*Le", digits - 1, strtold(arena_str(a, text), NULL));
        snprintf(wanted, sizeof wanted, "%.*Le", digits - 1, strtold(want, NULL));
        if (strcmp(got, wanted))
            fail_msg("%s: %s %s is %.*s %s, not %s", id, value, from, SLICE_FMT(text), to, want);
    }
    CHECK(rows >= 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(published_units_are_judged_as_published),
                                       T(published_conversions_come_out_as_published)};
    folder = getenv("LAZARET_UCUM_DATA");
    if (!folder || !*folder) {
        puts("1..0 # SKIP LAZARET_UCUM_DATA names no folder: the published tests of UCUM are not run");
        return 0;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_thread_end();
    return failed;
}
