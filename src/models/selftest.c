#include "models/selftest.h"

#include <math.h>
#include <stdlib.h>

#include "models/manifest_int.h"

/* The value of an input: the scalar itself, or its "v". */
static uint32_t value_of(const struct json *j, uint32_t i)
{
    return json_kind(j, i) == JSON_OBJECT ? json_get(j, i, "v") : i;
}

static int check_input(struct reader *r, const struct at *at, const struct manifest *m, uint32_t key, uint64_t *seen)
{
    struct slice name = json_text(r->j, key, r->a), unit = {0}, text;
    struct at here = {at, name, 0, NULL};
    struct dec d;
    uint32_t i = json_value(key);
    int n = manifest_find_input(m, name);
    if (n < 0)
        return manifest_bad(r, &here, "is no input of this model");
    *seen |= 1ull << n;
    if (json_kind(r->j, i) == JSON_OBJECT &&
        (manifest_object(r, &here, i, "v u") || manifest_text(r, &here, i, "u", false, 60, &unit)))
        return -1;
    uint32_t v = value_of(r->j, i);
    if (!v || json_kind(r->j, v) == JSON_ARRAY || json_kind(r->j, v) == JSON_OBJECT)
        return manifest_bad(r, &here, "needs a value: a scalar, or {\"v\": scalar, \"u\": unit}");
    if (m->input[n].presence)
        return 0;
    if (unit.n && !slice_eq(unit, m->input[n].unit))
        return manifest_bad(r, &here, "must be in the model's own unit '%.*s'", SLICE_FMT(m->input[n].unit));
    return m->input[n].coded ? 0 : manifest_number(r, &here, v, &text, &d);
}

static int check_expect(struct reader *r, const struct at *at, uint32_t i)
{
    struct slice text;
    struct dec d;
    if (json_kind(r->j, i) != JSON_OBJECT || r->j->node[i].len == 0)
        return manifest_bad(r, at, "must be an object with at least one member");
    uint32_t near = json_get(r->j, i, "near"), tol = json_get(r->j, i, "tol");
    if (near && tol && r->j->node[i].len == 2)
        return manifest_number(r, at, near, &text, &d) || manifest_number(r, at, tol, &text, &d) ? -1 : 0;
    if (near || tol)
        return manifest_bad(r, at, "needs both 'near' and 'tol', and nothing else");
    for (uint32_t k = json_first(r->j, i); k != json_end(r->j, i); k = json_next(r->j, k)) {
        struct at here = {at, json_text(r->j, k, r->a), 0, NULL};
        enum json_kind kind = json_kind(r->j, json_value(k));
        if (kind == JSON_ARRAY)
            return manifest_bad(r, &here, "must be a scalar, an object of scalars, or {\"near\", \"tol\"}");
        if (kind == JSON_OBJECT && check_expect(r, &here, json_value(k)))
            return -1;
    }
    return 0;
}

static int read_selftest(struct reader *r, const struct at *at, uint32_t i, struct manifest *m, struct selftest *t)
{
    struct at iat = at_key(at, "inputs"), eat = at_key(at, "expect");
    uint64_t seen = 0;
    if (manifest_object(r, at, i, "name inputs expect") || manifest_text(r, at, i, "name", false, 128, &t->name))
        return -1;
    t->inputs = json_get(r->j, i, "inputs");
    t->expect = json_get(r->j, i, "expect");
    if (!t->inputs || !t->expect || json_kind(r->j, t->inputs) != JSON_OBJECT)
        return manifest_bad(r, at, "needs the objects 'inputs' and 'expect'");
    for (uint32_t k = json_first(r->j, t->inputs); k != json_end(r->j, t->inputs); k = json_next(r->j, k))
        if (check_input(r, &iat, m, k, &seen))
            return -1;
    for (size_t n = 0; n < m->inputs; n++)
        if (m->input[n].required && !(seen >> n & 1))
            return manifest_bad(r, &iat, "lacks the required input '%.*s'", SLICE_FMT(m->input[n].name));
    return check_expect(r, &eat, t->expect);
}

int manifest_read_selftests(struct reader *r, const struct at *top, uint32_t i, struct manifest *m)
{
    struct at at = at_key(top, "selftest");
    if (!i)
        return 0;
    if (json_kind(r->j, i) != JSON_ARRAY || r->j->node[i].len > MANIFEST_SELFTESTS)
        return manifest_bad(r, &at, "must be a list of at most 64 self-tests");
    if (!(m->selftest = manifest_array(r, r->j->node[i].len, sizeof *m->selftest)))
        return -1;
    for (uint32_t k = json_first(r->j, i); k != json_end(r->j, i); k = json_next(r->j, k), m->selftests++) {
        struct at here = at_index(&at, (uint32_t)m->selftests);
        if (read_selftest(r, &here, k, m, &m->selftest[m->selftests]))
            return -1;
    }
    return 0;
}

int selftest_inputs(struct arena *a, const struct manifest *m, size_t n, struct wire_input **ret, size_t *ret_n,
                    struct err *e)
{
    const struct json *j = &m->json;
    uint32_t o = m->selftest[n].inputs, v;
    unsigned before = arena_failed(a);
    struct wire_input *w = arena_take(a, (j->node[o].len + 1) * sizeof *w);
    size_t count = 0;
    if (!w)
        return err_set(e, ERR_NO_MEMORY, "reading a self-test");
    for (uint32_t k = json_first(j, o); k != json_end(j, o); k = json_next(j, k)) {
        struct slice name = json_text(j, k, a);
        int at = manifest_find_input(m, name);
        if (at < 0) /* it was known when the manifest was read: memory is out */
            break;
        const struct input *in = &m->input[at];
        v = value_of(j, json_value(k));
        bool number = !in->coded && !in->presence && json_kind(j, v) == JSON_STRING; /* "1.0" stands for 1.0 */
        w[count++] = (struct wire_input){.name = name,
                                         .value = number ? json_raw(j, v) : json_span(j, v),
                                         .unit = in->unit,
                                         .time_us = WIRE_NO_TIME};
    }
    if (arena_failed(a) != before)
        return err_set(e, ERR_NO_MEMORY, "reading a self-test");
    *ret = w;
    *ret_n = count;
    return 0;
}

/* A tolerance is not an equality: here, and only here, doubles do. */
static bool is_near(struct arena *a, const struct json *j, uint32_t i, const struct json *out, uint32_t k)
{
    char *near = arena_str(a, json_text(j, json_get(j, i, "near"), a)),
         *tol = arena_str(a, json_text(j, json_get(j, i, "tol"), a));
    char *got = json_kind(out, k) == JSON_NUMBER ? arena_str(a, json_raw(out, k)) : NULL;
    return near && tol && got && fabs(strtod(got, NULL) - strtod(near, NULL)) <= strtod(tol, NULL);
}

/* Does the output at `got` have all that is expected at `want`? *miss is the first expected member it has not. */
static bool matches(struct arena *a, const struct json *j, uint32_t want, const struct json *out, uint32_t got,
                    uint32_t *miss)
{
    if (json_kind(j, want) != JSON_OBJECT)
        return json_same_scalar(j, want, out, got, a);
    if (json_get(j, want, "near"))
        return is_near(a, j, want, out, got);
    for (uint32_t k = json_first(j, want); k != json_end(j, want); k = json_next(j, k)) {
        char *key = arena_str(a, json_text(j, k, a));
        uint32_t v = key ? json_get(out, got, key) : 0;
        if (v && matches(a, j, json_value(k), out, v, miss))
            continue;
        if (!*miss)
            *miss = k;
        return false;
    }
    return true;
}

int selftest_check(struct arena *a, const struct manifest *m, size_t n, struct slice output, const char **why)
{
    struct json out;
    struct json_fault f;
    uint32_t miss = 0;
    *why = "the output is not JSON";
    if (json_parse(a, output, &out, &f))
        return f.what ? 0 : -1;
    unsigned before = arena_failed(a);
    bool good = matches(a, &m->json, m->selftest[n].expect, &out, 0, &miss);
    if (arena_failed(a) != before)
        return -1;
    if (good)
        return 1;
    *why = miss ? arena_printf(a, "'%.*s' is not %.*s", SLICE_FMT(json_text(&m->json, miss, a)),
                               SLICE_FMT(json_span(&m->json, json_value(miss))))
                : "the output is no object";
    return *why ? 0 : -1;
}
