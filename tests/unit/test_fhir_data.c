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

/* --- what definitions alone do not decide --- */

static const struct {
    const char *file, *why;
} beyond[] = {
#define BEYOND(file, why) {file, why},
#include "fhir_beyond.def"
#undef BEYOND
};

static bool is_listed(const char *file)
{
    for (size_t i = 0; i < COUNT(beyond); i++)
        if (!strcmp(beyond[i].file, file))
            return beyond[i].why[0];
    return false;
}

/* Every case beyond the definitions is refused, or is in the list with its reason; and what is in the list is accepted. The
 * list is of one set of cases: of a set that has none of them only the number is told. */
TEST(what_is_accepted_beyond_the_definitions_has_a_reason)
{
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    struct json m = read_json(a, folder, "manifest.json");
    size_t cases = 0, refused = 0, listed = 0, wrong = 0;
    const char *why;
    for (uint32_t k = json_first(&m, 0); k != json_end(&m, 0); k = json_next(&m, k))
        listed += is_listed(arena_str(a, json_get_text(&m, k, "file", a)));
    for (uint32_t k = json_first(&m, 0); k != json_end(&m, 0); k = json_next(&m, k)) {
        const char *file = arena_str(a, json_get_text(&m, k, "file", a));
        OWN_ARENA struct arena *one = arena_new(1 << 26);
        if (!slice_is(json_get_text(&m, k, "tier", a), "beyond-core"))
            continue;
        bool valid = valid_text(read_file(one, folder, file), &why);
        cases++;
        refused += !valid;
        if (listed && valid != is_listed(file) && ++wrong)
            print_message("# %s is %s\n", file,
                          valid ? "accepted without a reason in fhir_beyond.def" : "refused: take it out of fhir_beyond.def");
    }
    print_message("# %zu of %zu cases beyond the definitions are refused\n", refused, cases);
    CHECK(cases > 0);
    CHECK_INT(listed, listed ? COUNT(beyond) : 0);
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
    return false;
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
    CHECK_OK(fhir_validate_text(text, &(struct fhir_ask){.best_practice = true, .max_issues = 5000}, a, &j, &r, &e));
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

/* --- places --- */

/* The value or, with `key`, the key that "Patient.contact[0].name" names in the document; NOWHERE: there is none. */
#define NOWHERE UINT32_MAX

static uint32_t node_at(const struct json *j, struct slice path, bool key)
{
    uint32_t at = 0;
    slice_cut(&path, '.');
    while (path.n) {
        struct slice step = slice_cut(&path, '.'), name = slice_cut(&step, '[');
        uint32_t k = json_first(j, at);
        int64_t index = 0;
        while (k != json_end(j, at) && !slice_eq(json_raw(j, k), name))
            k = json_next(j, k);
        if (k == json_end(j, at))
            return NOWHERE;
        if (key && !path.n)
            return k;
        at = json_value(k);
        if (!step.n)
            continue;
        CHECK(slice_int(slice_cut(&step, ']'), 0, 100000, &index));
        for (k = json_first(j, at); index--;)
            k = json_next(j, k);
        at = k;
    }
    return at;
}

static struct slice parent_of(struct slice path)
{
    while (path.n && path.p[--path.n] != '.')
        ;
    return path;
}

/* Where the manifest says that a mutant's defect is: "PATH", "PATH = value", "PATH -> Name", "PATH + name". */
static uint32_t defect_at(const struct json *j, struct arena *a, const char *class, struct slice reason)
{
    struct slice rest = reason, path = slice_cut(&rest, ' '), object = parent_of(path);
    if (!strcmp(class, "unknown-resourcetype"))
        return json_get(j, 0, "resourceType");
    if (!strcmp(class, "missing-required"))
        return node_at(j, object, false);
    if (!strcmp(class, "property-case") || !strcmp(class, "two-choice-types")) {
        slice_cut(&rest, ' '); /* the arrow or plus */
        uint32_t other = node_at(j, slice_of(arena_printf(a, "%.*s.%.*s", SLICE_FMT(object), SLICE_FMT(rest))), true);
        uint32_t one = node_at(j, path, true);
        return other == NOWHERE || (one != NOWHERE && one > other) ? one : other;
    }
    return node_at(j, path, false);
}

/* Is an error reported at the node, or, where the manifest means a list, at an item of it? `inside`: at a key of it, for of a
 * property that is not known the manifest names the object. */
static bool reported_at(const struct json *j, const struct fhir_report *r, uint32_t node, bool inside)
{
    bool list = json_kind(j, node) == JSON_ARRAY || inside, found = false;
    for (uint32_t k = list ? json_first(j, node) : 0; list && k != json_end(j, node) && !found; k = json_next(j, k))
        found = (inside || json_kind(j, k) == JSON_OBJECT) && reported_at(j, r, k, false);
    if (inside)
        return found;
    const struct json_node *n = &j->node[node];
    uint32_t line, column;
    json_where(j->text, j->size, n->off - (n->kind == JSON_STRING || n->kind == JSON_KEY), &line, &column);
    for (size_t i = 0; i < r->issues && !found; i++)
        found = r->issue[i].severity == FHIR_ERROR && r->issue[i].line == line && r->issue[i].column == column;
    return found;
}

/* Line and column of a defect are found here by going down the path that the manifest gives. Of bdl-7 it is the address that
 * stands there twice, inside the entry. */
TEST(a_defect_is_reported_at_its_line_and_column)
{
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    struct json m = read_json(a, folder, "manifest.json");
    size_t seen = 0, wrong = 0;
    for (uint32_t k = json_first(&m, 0); k != json_end(&m, 0); k = json_next(&m, k)) {
        const char *file = arena_str(a, json_get_text(&m, k, "file", a)), *class = arena_str(a, json_get_text(&m, k, "class", a));
        struct json j;
        struct json_fault fault;
        struct fhir_report r;
        struct err e;
        if (strncmp(file, "mutants/", 8) || !strncmp(class, "json-", 5))
            continue;
        OWN_ARENA struct arena *one = arena_new(1 << 26);
        CHECK_INT(json_parse(one, read_file(one, folder, file), &j, &fault), 0);
        CHECK_OK(fhir_validate(&j, 0, &(struct fhir_ask){.max_issues = 50}, one, &r, &e));
        uint32_t node = defect_at(&j, one, class, json_get_text(&m, k, "reason", a));
        bool found = node != NOWHERE && reported_at(&j, &r, node, !strcmp(class, "unknown-property"));
        for (size_t i = 0; i < r.issues && !strcmp(class, "inv-bdl-7"); i++)
            found |= strstr(r.issue[i].text, "bdl-7") && strstr(r.issue[i].expression, "].fullUrl");
        seen++;
        if (!found && wrong++ < 20)
            print_message("# %s: not reported at %.*s, but at %u:%u %s\n", file, SLICE_FMT(json_get_text(&m, k, "reason", a)),
                          r.issues ? r.issue[0].line : 0, r.issues ? r.issue[0].column : 0, r.issues ? r.issue[0].expression : "");
    }
    print_message("# %zu defects\n", seen);
    CHECK(seen > 100);
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
        T(published_examples_get_the_verdict_they_should), T(what_is_accepted_beyond_the_definitions_has_a_reason),
        T(a_defect_is_reported_at_its_line_and_column),
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
