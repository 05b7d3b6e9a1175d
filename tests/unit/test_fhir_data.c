/* Where LAZARET_FHIR_DATA names a folder with published examples and their verdicts (manifest.json) and pure R4's elements
 * (r4-elements.tsv, r4-invariants.tsv): every file, line and element of it. Skipped elsewhere. LAZARET_FHIR_ELEMENTS and
 * LAZARET_FHIR_INVARIANTS are the generator's lists. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "fhir/fhir.h"
#include "fhir/fhirpath.h"
#include "fhir/tables_int.h"

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
    CHECK_OK(fhir_validate_text(text, &(struct fhir_ask){.max_issues = 1}, a, NULL, &r, &e));
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
        bool ours = slice_is(tier, "core") || slice_is(tier, "invariant") || slice_is(tier, "json-strict");
        if (!good && !(slice_is(expect, "invalid") && ours))
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

/* --- invariants, asked the long way --- */

enum { KEYS = 256 };

static struct arena *kept; /* for what is compiled once */

static const struct fhirpath *compiled(struct slice text)
{
    const struct fhirpath *x;
    struct fhirpath_fault f;
    CHECK_INT(fhirpath_compile(text, FHIRPATH_FILTER, kept, &x, &f), 0);
    return x;
}

/* The invariants of one object, each run as the expression that R4 has. */
static void ask_object(struct arena *a, const struct fhirpath_scope *s, unsigned failed[KEYS])
{
    static const struct fhirpath *all[KEYS];
    const struct fhir_shape *shape = &fhir_shapes[s->context.shape];
    for (unsigned i = 0; i < shape->rules; i++) {
        unsigned at = fhir_rules[shape->rule + i];
        const struct fhir_invariant *v = &fhir_invariants[at];
        const struct fhirpath_item *item;
        struct fhirpath_fault f;
        size_t n;
        if (!all[at])
            all[at] = compiled((struct slice){fhir_pool + v->expression, v->expression_len});
        if (fhirpath_run(all[at], s, a, &item, &n, &f) == 0)
            failed[at] += n == 1 && item[0].kind == FHIRPATH_BOOLEAN && !item[0].yes;
    }
}

/* The same of all objects in it. */
static void ask_below(struct arena *a, struct fhirpath_scope s, unsigned failed[KEYS])
{
    static const struct fhirpath *children;
    const struct fhirpath_item *item;
    struct fhirpath_fault f;
    size_t n;
    if (!children)
        children = compiled(SLICE("children()"));
    ask_object(a, &s, failed);
    CHECK_INT(fhirpath_run(children, &s, a, &item, &n, &f), 0);
    uint32_t contained = json_get(s.json, s.context.node.value, "contained");
    for (size_t i = 0; i < n; i++) {
        struct fhirpath_scope inner = s;
        bool resource = item[i].type >= FHIR_PRIMITIVES && fhir_props[fhir_shapes[item[i].shape].props].type == FHIR_NAME;
        inner.context = item[i];
        if (item[i].type < FHIR_PRIMITIVES) { /* its half below "_" is an Element, whose extensions have invariants */
            if (!item[i].node.extra)
                continue;
            inner.context.type = FHIR_OBJECT;
            inner.context.shape = fhir_shape_element;
            inner.context.node.value = item[i].node.extra;
            inner.context.node.extra = 0;
        }
        if (resource) {
            bool outer = contained && item[i].node.value > contained && item[i].node.value < s.json->node[contained].next;
            inner.resource = item[i];
            inner.root = outer ? s.root : item[i];
        }
        ask_below(a, inner, failed);
    }
}

/* What validation reported, by the key in its texts. */
static void count_reported(const struct fhir_report *r, unsigned failed[KEYS])
{
    for (size_t i = 0; i < r->issues; i++)
        for (unsigned k = 0; k < fhir_invariant_count; k++) {
            const struct fhir_invariant *v = &fhir_invariants[k];
            char text[64];
            snprintf(text, sizeof text, "invariant %.*s does not hold", v->key_len, fhir_pool + v->key);
            if (!strncmp(r->issue[i].text, text, strlen(text))) {
                failed[k]++;
                break;
            }
        }
}

/* Those that validation leaves out or has repaired; see invariant.c. */
static bool is_judged_otherwise(const struct fhir_invariant *v)
{
    static const char *const keys[] = {"ele-1", "txt-1", "txt-2", "tim-9", "que-7", "que-12"};
    for (size_t i = 0; i < COUNT(keys); i++)
        if (slice_is((struct slice){fhir_pool + v->key, v->key_len}, keys[i]))
            return true;
    return v->best_practice;
}

/* That of one place (fhir_prop_rules) has no shape; the few are in the mutants. */
static bool has_a_shape(unsigned at)
{
    for (unsigned i = 0; i < fhir_shape_count; i++)
        for (unsigned k = 0; k < fhir_shapes[i].rules; k++)
            if (fhir_rules[fhir_shapes[i].rule + k] == at)
                return true;
    return false;
}

static size_t differences(const char *file, struct slice text)
{
    OWN_ARENA struct arena *a = arena_new((size_t)1 << 30);
    unsigned slow[KEYS] = {0}, fast[KEYS] = {0};
    struct fhirpath_scope s;
    struct fhir_report r;
    struct json j;
    struct err e;
    size_t wrong = 0;
    j.count = 0;
    CHECK_OK(fhir_validate_text(text, &(struct fhir_ask){.max_issues = 5000}, a, &j, &r, &e));
    for (size_t i = 0; i < r.issues; i++)
        if (strcmp(r.issue[i].code, "invariant") != 0) /* a wrong structure is walked differently by both */
            return 0;
    if (j.count == 0 || fhirpath_scope_of(&j, 0, &s))
        return 0;
    ask_below(a, s, slow);
    count_reported(&r, fast);
    for (unsigned k = 0; k < fhir_invariant_count; k++)
        if (slow[k] != fast[k] && !is_judged_otherwise(&fhir_invariants[k]) && has_a_shape(k) && ++wrong)
            print_message("# %s: %.*s: %u reported, %u found by its expression\n", file, fhir_invariants[k].key_len,
                fhir_pool + fhir_invariants[k].key, fast[k], slow[k]);
    return wrong;
}

TEST(validation_finds_what_every_expression_finds_on_every_object)
{
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    struct json m = read_json(a, folder, "manifest.json");
    size_t files = 0, wrong = 0;
    kept = arena_new(1 << 24);
    for (uint32_t k = json_first(&m, 0); k != json_end(&m, 0); k = json_next(&m, k)) {
        const char *file = arena_str(a, json_get_text(&m, k, "file", a));
        OWN_ARENA struct arena *one = arena_new(1 << 26);
        if (!strncmp(file, "primitives/", 11) || strstr(file, ".ndjson") || strstr(file, ".xml"))
            continue;
        struct slice text = read_file(one, folder, file);
        if (text.n > 200000) /* dom-3's expression takes the square of it */
            continue;
        files++;
        wrong += differences(file, text);
    }
    print_message("# %zu files\n", files);
    arena_free(kept);
    CHECK(files > 400);
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
    CHECK_OK(fhir_validate_text(text, &(struct fhir_ask){.max_issues = 10}, a, NULL, &r, &e));
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
            if (memmem(line.p, line.n, "\"#", 2)) /* leads to a contained resource: a bare line has none around it */
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
        T(a_defect_is_reported_where_it_was_made),
        T(validation_finds_what_every_expression_finds_on_every_object), T(every_line_of_the_primitives_is_judged_rightly)};
    folder = getenv("LAZARET_FHIR_DATA");
    if (!folder || !*folder) {
        puts("1..0 # SKIP LAZARET_FHIR_DATA names no folder: the published examples are not run");
        return 0;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_thread_end();
    return failed;
}
