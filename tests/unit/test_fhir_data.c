/* Where LAZARET_FHIR_DATA names a folder with published examples and their verdicts (manifest.json) and pure R4's elements
 * (r4-elements.tsv, r4-invariants.tsv): every file, line and element of it. Skipped elsewhere. LAZARET_FHIR_ELEMENTS and
 * LAZARET_FHIR_INVARIANTS are the generator's lists. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "fhir/fhir.h"

static const char *folder;

static struct slice read_file(struct arena *a, const char *dir, const char *name)
{
    const char *path = dir ? arena_printf(a, "%s/%s", dir, name) : name;
    OWN_FILE FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END))
        fail_msg("cannot read %s", path);
    long n = ftell(f);
    char *p = arena_take(a, (size_t)n + 1);
    rewind(f);
    CHECK(p && fread(p, 1, (size_t)n, f) == (size_t)n);
    return (struct slice){p, (size_t)n};
}

static struct json read_json(struct arena *a, const char *dir, const char *name)
{
    struct json j;
    struct json_fault f;
    CHECK_INT(json_parse(a, read_file(a, dir, name), &j, &f), 0);
    return j;
}

/* --- tables --- */

static struct slice elements(struct arena *a)
{
    const char *path = getenv("LAZARET_FHIR_ELEMENTS");
    CHECK(path);
    return read_file(a, NULL, path);
}

static int by_text(const void *x, const void *y)
{
    const struct slice *a = x, *b = y;
    int d = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);
    return d ? d : a->n < b->n ? -1 : a->n > b->n;
}

/* The first six columns of every line but the first, sorted. */
static size_t rows(struct arena *a, struct slice text, struct slice **ret)
{
    struct slice *row = arena_take(a, 10000 * sizeof *row);
    size_t n = 0;
    slice_cut(&text, '\n');
    while (text.n && n < 10000) {
        struct slice line = slice_cut(&text, '\n'), rest = line;
        for (int i = 0; i < 6; i++)
            slice_cut(&rest, '\t');
        if (rest.p)
            line.n = (size_t)(rest.p - 1 - line.p);
        row[n++] = line;
    }
    qsort(row, n, sizeof *row, by_text);
    *ret = row;
    return n;
}

TEST(every_element_is_that_of_pure_r4)
{
    const char *dir = folder;
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    struct slice *ours, *pure;
    size_t n = rows(a, elements(a), &ours), wrong = 0;
    CHECK_INT(n, rows(a, read_file(a, dir, "r4-elements.tsv"), &pure));
    for (size_t i = 0; i < n; i++)
        if (!slice_eq(ours[i], pure[i]) && wrong++ < 10)
            print_message("# generated: %.*s\n# pure R4:   %.*s\n", SLICE_FMT(ours[i]), SLICE_FMT(pure[i]));
    CHECK_INT(wrong, 0);
}

/* Every line of the generator's list of invariants stands in that of pure R4, and there are as many. */
TEST(every_invariant_is_that_of_pure_r4)
{
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    const char *path = getenv("LAZARET_FHIR_INVARIANTS");
    CHECK(path);
    struct slice *ours, *pure;
    size_t n = rows(a, read_file(a, NULL, path), &ours), wrong = 0;
    CHECK_INT(n, rows(a, read_file(a, folder, "r4-invariants.tsv"), &pure));
    for (size_t i = 0; i < n; i++)
        if (!slice_eq(ours[i], pure[i]) && wrong++ < 10)
            print_message("# generated: %.*s\n# pure R4:   %.*s\n", SLICE_FMT(ours[i]), SLICE_FMT(pure[i]));
    CHECK_INT(wrong, 0);
}

/* --- files --- */

static bool valid_text(struct slice text, const char **ret_why)
{
    static char why[600];
    OWN_ARENA struct arena *a = arena_new((1 << 24) + 32 * text.n);
    struct fhir_report r;
    struct err e;
    CHECK_OK(fhir_validate_text(text, NULL, a, 1, NULL, &r, &e));
    if (r.issues)
        snprintf(why, sizeof why, "%u:%u %s [%s]", r.issue[0].line, r.issue[0].column, r.issue[0].text, r.issue[0].expression);
    *ret_why = r.issues ? why : "";
    return r.errors == 0;
}

static bool valid_file(struct slice text, bool lines, const char **ret_why)
{
    if (!lines)
        return valid_text(text, ret_why);
    while (text.n) {
        struct slice line = slice_cut(&text, '\n');
        if (line.n && !valid_text(line, ret_why))
            return false;
    }
    return true;
}

TEST(published_examples_get_the_verdict_they_should)
{
    const char *dir = folder, *why;
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    struct json m = read_json(a, dir, "manifest.json");
    size_t valid = 0, invalid = 0, wrong = 0;
    for (uint32_t k = json_first(&m, 0); k != json_end(&m, 0); k = json_next(&m, k)) {
        const char *file = arena_str(a, json_get_text(&m, k, "file", a));
        struct slice expect = json_get_text(&m, k, "expect", a), tier = json_get_text(&m, k, "tier", a);
        bool good = slice_is(expect, "valid");
        if (!good && !(slice_is(expect, "invalid") && (slice_is(tier, "core") || slice_is(tier, "invariant") || slice_is(tier, "json-strict"))))
            continue;
        OWN_ARENA struct arena *one = arena_new(1 << 26);
        if (valid_file(read_file(one, dir, file), strstr(file, ".ndjson") != NULL, &why) != good) {
            wrong++;
            print_message("# %s should be %s: %s\n", file, good ? "valid" : "invalid", why);
        }
        valid += good;
        invalid += !good;
    }
    print_message("# %zu valid and %zu invalid files\n", valid, invalid);
    CHECK(valid > 400 && invalid > 100);
    CHECK_INT(wrong, 0);
}

/* The object that the defect was put into: of "Patient.contact[0].name -> Name" that is "Patient.contact[0]". */
static struct slice made_in(struct slice reason)
{
    struct slice path = slice_cut(&reason, ' ');
    size_t n = path.n;
    while (n && path.p[n - 1] != '.')
        n--;
    return (struct slice){path.p, n ? n - 1 : path.n};
}

static bool reported_in(struct slice text, struct slice object)
{
    OWN_ARENA struct arena *a = arena_new((1 << 24) + 32 * text.n);
    struct fhir_report r;
    struct err e;
    CHECK_OK(fhir_validate_text(text, NULL, a, 10, NULL, &r, &e));
    for (size_t i = 0; i < r.issues; i++)
        if (!strncmp(r.issue[i].expression, object.p, object.n))
            return true;
    return false;
}

TEST(a_defect_is_reported_where_it_was_made)
{
    const char *dir = folder;
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    struct json m = read_json(a, dir, "manifest.json");
    size_t seen = 0, wrong = 0;
    for (uint32_t k = json_first(&m, 0); k != json_end(&m, 0); k = json_next(&m, k)) {
        const char *file = arena_str(a, json_get_text(&m, k, "file", a)), *class = arena_str(a, json_get_text(&m, k, "class", a));
        if (strncmp(file, "mutants/", 8) || !slice_is(json_get_text(&m, k, "tier", a), "core") || !strncmp(class, "json-", 5) ||
            !strcmp(class, "unknown-resourcetype"))
            continue;
        OWN_ARENA struct arena *one = arena_new(1 << 26);
        seen++;
        if (!reported_in(read_file(one, dir, file), made_in(json_get_text(&m, k, "reason", a))) && wrong++ < 10)
            print_message("# %s: not reported in the object where it is\n", file);
    }
    print_message("# %zu defects\n", seen);
    CHECK(seen > 80);
    CHECK_INT(wrong, 0);
}

/* --- primitives --- */

/* A document in which one value has the type that a list of primitives is about. */
static const char *wrap(struct arena *a, const char *type, struct slice value)
{
    char name[40];
    size_t n = 0;
    if (!strcmp(type, "xhtml"))
        return arena_printf(a, "{\"resourceType\":\"Basic\",\"code\":{\"text\":\"x\"},\"text\":{\"status\":\"generated\",\"div\":%.*s}}",
                            SLICE_FMT(value));
    for (bool up = true; *type && n + 1 < sizeof name; type++) { /* date_time: valueDateTime */
        if (*type == '_')
            up = true;
        else
            name[n++] = up ? (char)(*type & ~32) : *type, up = false;
    }
    name[n] = '\0';
    return arena_printf(a, "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"x\",\"value%s\":%.*s}]}", name, SLICE_FMT(value));
}

TEST(every_line_of_the_primitives_is_judged_rightly)
{
    const char *dir = folder, *why;
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    struct json m = read_json(a, dir, "manifest.json");
    size_t lines = 0, wrong = 0;
    for (uint32_t k = json_first(&m, 0); k != json_end(&m, 0); k = json_next(&m, k)) {
        const char *file = arena_str(a, json_get_text(&m, k, "file", a));
        if (strncmp(file, "primitives/", 11) != 0)
            continue;
        bool good = strstr(file, ".valid.") != NULL;
        const char *type = arena_str(a, (struct slice){file + 11, strcspn(file + 11, ".")});
        struct slice rest = read_file(a, dir, file);
        while (rest.n) {
            struct slice line = slice_cut(&rest, '\n');
            if (!line.n || (!strcmp(type, "xhtml") && slice_is(line, "\"\""))) /* the empty xhtml is disputed */
                continue;
            if (memmem(line.p, line.n, "\"#", 2)) /* leads to a contained resource, of which there is none around a bare line */
                continue;
            lines++;
            if (valid_text(slice_of(wrap(a, type, line)), &why) != good) {
                wrong++;
                print_message("# %s: %.*s should be %s: %s\n", file, SLICE_FMT(line), good ? "valid" : "invalid", why);
            }
        }
    }
    print_message("# %zu lines\n", lines);
    CHECK(lines > 60);
    CHECK_INT(wrong, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {T(every_element_is_that_of_pure_r4), T(every_invariant_is_that_of_pure_r4),
        T(published_examples_get_the_verdict_they_should),
        T(a_defect_is_reported_where_it_was_made), T(every_line_of_the_primitives_is_judged_rightly)};
    folder = getenv("LAZARET_FHIR_DATA");
    if (!folder || !*folder) {
        puts("1..0 # SKIP LAZARET_FHIR_DATA names no folder: the published examples are not run");
        return 0;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_thread_end();
    return failed;
}
