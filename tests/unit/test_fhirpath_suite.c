/* The official FHIRPath suite for R4 (tests-fhir-r4.xml), where LAZARET_FHIR_DATA names a folder that has it under
 * fhirpath/: every test of it, in strict mode. Those that do not pass stand in `known` with the reason; a test that is
 * listed and passes fails, too, so the list cannot grow old. Skipped elsewhere. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/dec.h"
#include "fhir/fhirpath.h"

static const char *folder;

/* Why these do not answer what the suite wants. */
static const struct {
    const char *name, *reason;
} known[] = {
    {"LowBoundaryDecimal15", "the suite wants 0.0, which is above -0.0034 itself: no low boundary"},
    {"HighBoundaryDecimal15", "the suite wants 0.0, which is below 0.0034 itself: no high boundary"},
    {"HighBoundaryDecimal16", "the same as HighBoundaryDecimal15 with - before it"},
    {"HighBoundaryDateTimeMillisecond1", "the suite wants 08:00:59.999 as the last moment of 08 o'clock; it is 08:59:59.999"},
    {"HighBoundaryDateTimeMillisecond3", "the same as HighBoundaryDateTimeMillisecond1"},
};

static struct slice read_file(struct arena *a, const char *name)
{
    const char *path = arena_printf(a, "%s/fhirpath/%s", folder, name);
    OWN_FILE FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END))
        fail_msg("cannot read %s", path);
    long n = ftell(f);
    char *p = arena_take(a, (size_t)n + 1);
    rewind(f);
    CHECK(p && fread(p, 1, (size_t)n, f) == (size_t)n);
    return (struct slice){p, (size_t)n};
}

/* --- the suite's XML: elements, attributes and text, no more --- */

struct tag {
    struct slice name, attributes, text; /* text: up to the next tag */
    bool closes;
};

/* The next tag of *rest; false: there is none. */
static bool next_tag(struct slice *rest, struct tag *ret)
{
    for (;;) {
        const char *open = memchr(rest->p, '<', rest->n);
        if (!open)
            return false;
        struct slice s = {open, rest->n - (size_t)(open - rest->p)};
        bool comment = slice_starts(s, "<!--");
        const char *close = memmem(s.p, s.n, comment ? "-->" : ">", comment ? 3 : 1);
        CHECK(close);
        struct slice inside = {s.p + 1, (size_t)(close - s.p) - 1};
        rest->p = close + (comment ? 3 : 1);
        rest->n = s.n - (size_t)(rest->p - s.p);
        if (comment || inside.p[0] == '?')
            continue;
        ret->closes = inside.p[0] == '/';
        size_t n = 0;
        while (n < inside.n && inside.p[n] != ' ' && inside.p[n] != '\n' && (n == 0 || inside.p[n] != '/'))
            n++;
        ret->name = (struct slice){inside.p + ret->closes, n - ret->closes};
        ret->attributes = (struct slice){inside.p + n, inside.n - n};
        const char *end = memchr(rest->p, '<', rest->n);
        ret->text = (struct slice){rest->p, end ? (size_t)(end - rest->p) : rest->n};
        return true;
    }
}

static struct slice unescaped(struct arena *a, struct slice s)
{
    static const struct {
        const char *entity;
        char c;
    } all[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&#39;", '\''}};
    char *p = arena_take(a, s.n + 1);
    size_t n = 0;
    while (s.n) {
        size_t used = 1;
        char c = s.p[0];
        for (size_t i = 0; i < COUNT(all); i++)
            if (slice_starts(s, all[i].entity))
                c = all[i].c, used = strlen(all[i].entity);
        p[n++] = c;
        s.p += used;
        s.n -= used;
    }
    return (struct slice){p, n};
}

/* The value of an attribute; {NULL,0}: there is none. */
static struct slice attribute(struct arena *a, struct slice s, const char *name)
{
    const char *before = arena_printf(a, " %s=\"", name), *at = memmem(s.p, s.n, before, strlen(before));
    if (!at)
        return (struct slice){NULL, 0};
    at += strlen(before);
    return unescaped(a, (struct slice){at, (size_t)((const char *)memchr(at, '"', s.n) - at)});
}

/* --- one test --- */

enum { OUTPUTS = 16 };

struct one {
    struct slice name, file, expression, type[OUTPUTS], text[OUTPUTS];
    size_t outputs;
    bool invalid, predicate;
};

static bool same_number(struct slice a, struct slice b)
{
    struct dec x, y;
    return dec_parse(a, &x) && dec_parse(b, &y) && dec_cmp(&x, &y) == 0;
}

/* What the suite writes for a value: dates with @, quantities as literals. */
static bool output_is(struct arena *a, const struct json *j, const struct fhirpath_item *x, struct slice type, struct slice text)
{
    struct buf b = buf_in(a, 1 << 16);
    struct slice name = fhirpath_type_name(x);
    if (type.p && !slice_is_nocase(name, arena_str(a, type)))
        return false;
    if (x->kind == FHIRPATH_QUANTITY) {
        buf_printf(&b, "%.*s '%.*s'", SLICE_FMT(x->quantity->value), SLICE_FMT(x->quantity->unit));
    } else {
        CHECK(fhirpath_write_text(j, x, a, &b));
        if (text.n > 1 && text.p[0] == '@')
            text.p++, text.n--;
        if (text.n > 1 && text.p[0] == 'T')
            text.p++, text.n--;
    }
    return slice_eq(buf_text(&b), text) || (x->kind == FHIRPATH_DECIMAL && same_number(buf_text(&b), text));
}

static struct json document(struct arena *a, const struct one *t)
{
    struct json j;
    struct json_fault f;
    struct slice text = SLICE("{\"resourceType\":\"Patient\"}");
    if (t->file.p) {
        struct slice stem = t->file;
        while (stem.p[stem.n - 1] != '.')
            stem.n--;
        text = read_file(a, arena_printf(a, "%.*sjson", SLICE_FMT(stem)));
    }
    CHECK_INT(json_parse(a, text, &j, &f), 0);
    return j;
}

/* NULL: passed; else why not. */
static const char *run_one(struct arena *a, const struct one *t)
{
    struct json j = document(a, t);
    struct fhirpath_fault f;
    struct fhirpath_scope s;
    const struct fhirpath *x;
    const struct fhirpath_item *item;
    size_t n;
    CHECK_INT(fhirpath_scope_of(&j, 0, &s), 0);
    s.now_us = 1764374400000000; /* 2025-11-29 */
    bool failed = fhirpath_compile(t->expression, FHIRPATH_STRICT, a, &x, &f) || fhirpath_run(x, &s, a, &item, &n, &f);
    if (t->invalid)
        return failed ? NULL : "it should have been refused";
    if (failed)
        return arena_printf(a, "refused at %u:%u: %s", f.line, f.column, f.text);
    if (t->predicate) {
        bool yes = n > 0 && !(n == 1 && item[0].kind == FHIRPATH_BOOLEAN && !item[0].yes);
        return t->outputs == 1 && slice_is(t->text[0], yes ? "true" : "false") ? NULL : "another truth";
    }
    struct buf b = buf_in(a, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        struct slice name = fhirpath_type_name(&item[i]);
        buf_printf(&b, " %.*s:", SLICE_FMT(name));
        CHECK(fhirpath_write_text(&j, &item[i], a, &b));
    }
    bool same = n == t->outputs;
    for (size_t i = 0; same && i < n; i++)
        same = output_is(a, &j, &item[i], t->type[i], t->text[i]);
    return same ? NULL : arena_printf(a, "it answered%.*s", (int)(b.n > 200 ? 200 : b.n), b.p);
}

static const char *reason_of(struct slice name)
{
    for (size_t i = 0; i < COUNT(known); i++)
        if (slice_is(name, known[i].name))
            return known[i].reason;
    return NULL;
}

static void judge(const struct one *t, size_t count[2], size_t *wrong)
{
    OWN_ARENA struct arena *a = arena_new(1 << 26);
    const char *why = run_one(a, t), *reason = reason_of(t->name);
    count[why != NULL]++;
    if (!why && reason)
        print_message("# %.*s passes now: take it off the list\n", SLICE_FMT(t->name));
    if (why && !reason)
        print_message("# %.*s: %.*s: %s\n", SLICE_FMT(t->name), SLICE_FMT(t->expression), why);
    *wrong += !why != !reason;
}

TEST(every_test_of_the_official_suite_answers_what_it_should)
{
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    struct slice rest = read_file(a, "tests-fhir-r4.xml");
    struct tag tag;
    struct one t = {.outputs = 0};
    size_t count[2] = {0}, wrong = 0;
    while (next_tag(&rest, &tag)) {
        if (slice_is(tag.name, "test") && tag.closes) {
            judge(&t, count, &wrong);
        } else if (slice_is(tag.name, "test")) {
            t = (struct one){.name = attribute(a, tag.attributes, "name"), .file = attribute(a, tag.attributes, "inputfile")};
            t.predicate = slice_is(attribute(a, tag.attributes, "predicate"), "true");
            t.invalid = attribute(a, tag.attributes, "invalid").p;
        } else if (slice_is(tag.name, "expression") && !tag.closes) {
            t.expression = unescaped(a, tag.text);
            t.invalid |= attribute(a, tag.attributes, "invalid").p != NULL;
        } else if (slice_is(tag.name, "output") && !tag.closes) {
            CHECK(t.outputs < OUTPUTS);
            t.type[t.outputs] = attribute(a, tag.attributes, "type");
            t.text[t.outputs++] = unescaped(a, tag.text);
        }
    }
    print_message("# %zu passed, %zu not\n", count[0], count[1]);
    CHECK_INT(count[0] + count[1], 935);
    CHECK(count[0] >= 900);
    CHECK_INT(wrong, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {T(every_test_of_the_official_suite_answers_what_it_should)};
    folder = getenv("LAZARET_FHIR_DATA");
    if (!folder || !*folder) {
        puts("1..0 # SKIP LAZARET_FHIR_DATA names no folder: the official FHIRPath suite is not run");
        return 0;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_thread_end();
    return failed;
}
